// Node's `ws`, for comparison: node node.cjs PORT. On /ws a text goes to all other clients, on /echo it comes back.
// Source: the examples of its manual. `require` finds it in NODE_PATH, or where Debian's node-ws is.
const { createServer } = require("node:http");
const { WebSocketServer, WebSocket } = require("ws");

const http = createServer((request, response) => response.end("ok\n"));
const sockets = new WebSocketServer({ noServer: true });
const chat = new Set();

http.on("upgrade", (request, socket, head) =>
  sockets.handleUpgrade(request, socket, head, client => {
    if (request.url === "/echo") {
      client.on("message", data => client.send(data.toString()));
      return;
    }
    chat.add(client);
    client.on("close", () => chat.delete(client));
    client.on("message", data => {
      const text = data.toString();
      for (const other of chat) if (other !== client && other.readyState === WebSocket.OPEN) other.send(text);
    });
  }));

process.on("SIGTERM", () => {
  http.close(() => process.exit(0));
  for (const client of sockets.clients) client.close(1001);
});
http.listen(Number(process.argv[2]), "127.0.0.1");
