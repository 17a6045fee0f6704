// Clients as a program: `node crowd.js COUNT URL...` connects them, prints `connected`, and then `[client, data]`, a line for
// each message that a client hears. It ends with its input.

import WebSocket from "ws";
import { connect } from "../src/index.js";

const [count, ...urls] = process.argv.slice(2);
const clients = await Promise.all(
  Array.from({ length: Number(count) }, (_, number) => {
    const print = (heard: unknown) => console.log(JSON.stringify([number, heard]));
    return connect(urls, { WebSocket, onMessage: ({ data }) => print(data), onGap: print });
  }),
);
console.log("connected");
process.stdin.resume().on("end", () => void Promise.all(clients.map((each) => each.close())));
