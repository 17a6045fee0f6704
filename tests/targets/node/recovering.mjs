// A Socket.IO service that recovers a client's connection state; by way of Redis Streams one of several hosts of it.
// [REDIS_URL=unix:///...] node recovering.mjs PORT. Source: https://socket.io/docs/v4/redis-streams-adapter/
import { createServer } from "node:http";
import { createAdapter } from "@socket.io/redis-streams-adapter";
import { createClient } from "redis";
import { Server } from "socket.io";

const url = process.env.REDIS_URL;
const redis = url && await createClient({ socket: { path: url.replace("unix://", "") } }).connect();
const http = createServer((request, response) => response.end("ok\n"));
const io = new Server(http, { connectionStateRecovery: {}, ...(redis && { adapter: createAdapter(redis) }) });

io.on("connection", socket => socket.on("message", text => io.emit("message", text)));
process.on("SIGTERM", () => io.close(() => redis?.close().then(() => process.exit(0)) ?? process.exit(0)));
http.listen(Number(process.argv[2]), "127.0.0.1");
