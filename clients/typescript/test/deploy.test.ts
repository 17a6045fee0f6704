// The stories of clients in deploys, under Node.

import { after, before, beforeEach, test } from "node:test";
import WebSocket from "ws";
import { Broker, freePorts, Host } from "./hosts.js";
import { stories, tell } from "./stories.js";

let broker: Broker;
let speaks: Host; // no client connects to it
let ports: number[];
let host: Host | undefined;

before(async () => {
  broker = await Broker.start();
  speaks = await Host.start(broker);
});
beforeEach(async () => {
  await host?.stop("SIGKILL");
  ports = await freePorts(3);
  host = await Host.start(broker, ports[0]);
});
after(async () => {
  await host?.stop("SIGKILL");
  await speaks.stop("SIGKILL");
  await broker.stop();
});

async function deploy(signal: NodeJS.Signals): Promise<void> {
  const former = host as Host;
  host = await Host.start(broker, ports[ports.indexOf(former.port) + 1]);
  await former.stop(signal);
}

for (const name of Object.keys(stories)) {
  test(name, async (t) => {
    const urls = ports.map((port) => `ws://127.0.0.1:${port}/ws`);
    t.diagnostic(await tell(name, { urls, WebSocket, deploy, say: (data, room) => speaks.say(data, room) }));
  });
}
