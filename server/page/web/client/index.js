export { connect, Client } from "./client.js";
export { PublishRefused } from "./publishing.js";
