// A Socket.IO server as its tutorial shows it, told to stop as its manual shows. node socketio.mjs PORT
import { createServer } from "node:http";
import { Server } from "socket.io";

const http = createServer((request, response) => response.end("ok\n"));
const io = new Server(http);

io.on("connection", socket => socket.on("message", text => io.emit("message", text)));
process.on("SIGTERM", () => io.close(() => process.exit(0)));
http.listen(Number(process.argv[2]), "127.0.0.1");
