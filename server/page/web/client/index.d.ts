export { connect, Client } from "./client.js";
export type { Closed, Socket, SocketConstructor } from "./connection.js";
export type * from "./messages.js";
export type { Options } from "./options.js";
export { PublishRefused } from "./publishing.js";
