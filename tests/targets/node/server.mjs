// Somebody else's server: Node's `ws`, broadcasting, stopped the way its manual shows. node server.mjs PORT
import { createServer } from "node:http";
import { WebSocketServer, WebSocket } from "ws";

const http = createServer((request, response) => response.end("ok\n"));
const sockets = new WebSocketServer({ server: http, path: "/ws" });

sockets.on("connection", socket =>
  socket.on("message", data => {
    for (const other of sockets.clients)
      if (other !== socket && other.readyState === WebSocket.OPEN) other.send(data.toString());
  }));

process.on("SIGTERM", () => {
  for (const socket of sockets.clients) socket.close(1001, "going away");
  http.close(() => process.exit(0));
});

http.listen(Number(process.argv[2]), "127.0.0.1");
