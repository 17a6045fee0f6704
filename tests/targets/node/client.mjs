// A client of Node's `ws`: says one text, prints what it hears, and at last how it was closed. node client.mjs URL TEXT
import { WebSocket } from "ws";

const socket = new WebSocket(process.argv[2]);
socket.on("open", () => socket.send(process.argv[3]));
socket.on("message", data => console.log(data.toString()));
socket.on("close", (code, reason) => console.log(`closed ${code} ${reason}`));
