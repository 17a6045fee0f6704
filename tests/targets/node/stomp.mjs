// A STOMP broker over WebSocket, of `stomp-broker-js`. node stomp.mjs PORT
import { createServer } from "node:http";
import StompServer from "stomp-broker-js";

const http = createServer((request, response) => response.end("ok\n"));
new StompServer({ server: http, path: "/ws", heartbeat: [0, 0] });

process.on("SIGTERM", () => process.exit(0));
http.listen(Number(process.argv[2]), "127.0.0.1");
