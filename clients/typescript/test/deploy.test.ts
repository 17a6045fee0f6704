// Clients of real servers that are told to stop, one after another: nothing lost, nothing doubled, in order.
//
// A client knows the ports of three hosts. Only one of them listens at a time, save during a drain.

import assert from "node:assert/strict";
import { after, before, beforeEach, test, type TestContext } from "node:test";
import { Broker, freePorts, Host } from "./hosts.js";
import { allHear, Listening, numbers, Speaker, until } from "./listening.js";

const CLIENTS = 20;

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

/** Puts the next host in the place of the present one. */
async function deploy(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
  const former = host as Host;
  host = await Host.start(broker, ports[ports.indexOf(former.port) + 1]);
  await former.stop(signal);
}

function arrivals(clients: Listening[], count: number): Promise<void> {
  return until(() => clients.every((each) => each.arrivals === count), `each client connected ${count} times`);
}

function report(t: TestContext, clients: Listening[], expected: number): void {
  t.diagnostic(`${clients.length} clients, ${expected} messages each, 0 lost, 0 doubled`);
}

test("clients that are moved twice under load miss nothing and hear nothing twice", async (t) => {
  const clients = await Listening.crowd(t, ports, CLIENTS);
  const speaker = new Speaker(speaks);
  await until(() => clients.every((each) => each.heard.length > 20), "the first messages");
  await deploy();
  await arrivals(clients, 2);
  await deploy();
  await arrivals(clients, 3);
  await speaker.silence();
  await allHear(clients, numbers(speaker.last));
  report(t, clients, speaker.last);
});

test("a client that has heard nothing yet misses nothing of what is said while it moves", async (t) => {
  const clients = await Listening.crowd(t, ports, CLIENTS);
  const moving = deploy();
  await Promise.all(clients.map((each) => each.client.draining));
  const speaker = new Speaker(speaks);
  await moving;
  await arrivals(clients, 2);
  await speaker.silence();
  await allHear(clients, numbers(speaker.last));
  report(t, clients, speaker.last);
});

test("a client that was idle, while others were not, misses nothing", async (t) => {
  const idle = await Listening.crowd(t, ports, CLIENTS);
  const busy = await Listening.crowd(t, ports, 3, { rooms: ["busy"] });
  for (let n = 1; n <= 100; n++) await speaks.say(n, "busy");
  await deploy();
  await arrivals(idle, 2);
  await speaks.say("for all");
  await deploy();
  await arrivals(idle, 3);
  await speaks.say("for all again");
  await allHear(idle, ["for all", "for all again"]);
  await allHear(busy, [...numbers(100), "for all", "for all again"]);
  report(t, idle, 2);
});

test("a host that is killed loses nobody anything", async (t) => {
  const clients = await Listening.crowd(t, ports, CLIENTS);
  const speaker = new Speaker(speaks);
  await until(() => clients.every((each) => each.heard.length > 20), "the first messages");
  await deploy("SIGKILL");
  await arrivals(clients, 2);
  await speaker.silence();
  await allHear(clients, numbers(speaker.last));
  report(t, clients, speaker.last);
});

test("what is published in a deploy is acknowledged once, and heard once by everyone else, in order", async (t) => {
  const [listener] = (await Listening.crowd(t, ports, 1)) as [Listening];
  const [talker] = (await Listening.crowd(t, ports, 1)) as [Listening];
  const answers: Promise<number>[] = [];
  const talking = setInterval(() => answers.push(talker.client.publish(answers.length + 1)), 2);
  t.after(() => clearInterval(talking));
  await until(() => listener.heard.length > 20, "the first messages");
  await deploy();
  await arrivals([talker, listener], 2);
  await deploy("SIGKILL");
  await arrivals([talker, listener], 3);
  clearInterval(talking);
  const places = await Promise.all(answers);
  assert.deepEqual(
    places,
    [...new Set(places)].sort((a, b) => a - b),
  );
  await allHear([listener], numbers(answers.length));
  assert.deepEqual(talker.heard, []);
  report(t, [listener], answers.length);
});

test("after a deploy a client is in its rooms, in those too that it joined in a drain, in none that it left", async (t) => {
  const [client] = (await Listening.crowd(t, ports, 1, { rooms: ["tea", "den"] })) as [Listening];
  const moving = deploy();
  await client.client.draining;
  client.client.join("hall");
  client.client.leave("den");
  await moving;
  await arrivals([client], 2);
  for (const room of ["tea", "den", "hall"]) await speaks.say(room, room);
  await speaks.say("all");
  await allHear([client], ["tea", "hall", "all"]);
});

test("the drain of a place is a promise, and that of the next place another one", async (t) => {
  const [client] = (await Listening.crowd(t, ports, 1)) as [Listening];
  const first = client.client.draining;
  await deploy();
  const notice = await first;
  assert.equal(notice.type, "draining");
  assert.ok(notice.deadline_s > 0 && notice.deadline_s <= 20);
  await arrivals([client], 2);
  const settled = await Promise.race([client.client.draining, "pending"]);
  assert.equal(settled, "pending");
});
