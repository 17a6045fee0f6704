// What a client does, told by a server of the test's own.

import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import WebSocket, { WebSocketServer } from "ws";
import { backoffMs } from "../src/backoff.js";
import { Client, connect, PublishRefused, type EbbServerMessage, type Options } from "../src/index.js";
import { until } from "./listening.js";

type Saying = Record<string, unknown>;

const message = { type: "message", room: null, from: null, data: 0, at: "" };

/** A place that says welcome once it `admits`; `answer` is called with what a client says, and how to answer it. */
class Place {
  admits: Promise<unknown> = Promise.resolve();
  readonly hears: Saying[] = [];
  readonly handshakes: { url: string; protocols: string }[] = [];
  sockets: WebSocket[] = [];
  answer: (said: Saying, say: (what: EbbServerMessage) => void) => void = () => {};
  readonly #server = new WebSocketServer({ port: 0, host: "127.0.0.1" });

  static async open(t: TestContext): Promise<Place> {
    const place = new Place();
    await once(place.#server, "listening");
    t.after(() => place.#server.close());
    place.#server.on("connection", async (socket, request) => {
      const say = (what: EbbServerMessage) => socket.send(JSON.stringify(what));
      place.sockets.push(socket);
      place.handshakes.push({ url: request.url ?? "", protocols: request.headers["sec-websocket-protocol"] ?? "" });
      socket.on("message", (text) => {
        const said = JSON.parse(String(text)) as Saying;
        place.hears.push(said);
        place.answer(said, say);
      });
      await place.admits;
      say({ type: "welcome", connection: "c", epoch: "e", seq: 0, ping_s: null });
      if (request.url?.includes("epoch=")) say({ type: "resumed", epoch: "e", seq: 0, replayed: 0 });
    });
    return place;
  }

  /** Says something on the first connection. */
  say(what: Saying): void {
    this.sockets[0]?.send(JSON.stringify(what));
  }

  get url(): string {
    return `ws://127.0.0.1:${(this.#server.address() as AddressInfo).port}/ws`;
  }
}

async function connected(t: TestContext, place: Place, options: Options = {}) {
  const client = await connect(place.url, { WebSocket, name: "ann", ...options });
  t.after(() => client.close());
  return client;
}

test("a token is a subprotocol beside ebb.v1, asked for anew at each handshake", async (t) => {
  const place = await Place.open(t);
  let asked = 0;
  await connected(t, place, { token: () => `t${++asked}` });
  place.sockets[0]?.terminate();
  await until(() => place.handshakes.length === 2, "a second handshake");
  assert.deepEqual(
    place.handshakes.map((each) => each.protocols),
    ["ebb.v1,bearer.t1", "ebb.v1,bearer.t2"],
  );
});

const expiring = { type: "expiring", expires_in_s: 2 };

test("a token that expires is renewed in band by what its function gives, which is asked again for another one", async (t) => {
  const place = await Place.open(t);
  const tokens = ["t1", "t1", "t2"];
  const client = await connected(t, place, { token: async () => tokens.shift() ?? "none" });
  place.answer = ({ type }, say) => {
    if (type === "renew") say({ type: "renewed", expires_in_s: 600 });
  };
  place.say(expiring);
  await until(() => place.hears.length === 1, "another token");
  assert.deepEqual(place.hears, [{ type: "renew", token: "t2" }]);
  await client.close();
  assert.deepEqual([place.handshakes.length, tokens], [1, []]);
});

test("a renewal that comes too fast is repeated when it may go on", async (t) => {
  const place = await Place.open(t);
  let asked = 0;
  await connected(t, place, { token: () => `t${++asked}` });
  place.answer = (_, say) => {
    if (place.hears.length === 1) say({ type: "error", code: "rate_limited", detail: "limit", retry_after_s: 0.01 });
    else say({ type: "renewed", expires_in_s: 600 });
  };
  place.say(expiring);
  await until(() => place.hears.length === 2, "the same once more");
  const renew = { type: "renew", token: "t2" };
  assert.deepEqual(place.hears, [renew, renew]);
});

test("a client whose function fails comes back, when its token has expired, with what it gives then", async (t) => {
  const place = await Place.open(t);
  let asked = 0;
  const token = () => {
    if (++asked === 2) throw new Error("away");
    return `t${asked}`;
  };
  await connected(t, place, { token });
  place.say({ ...expiring, expires_in_s: 0.5 });
  await until(() => asked === 2, "it was asked");
  place.sockets[0]?.close(4401, "token expired");
  await until(() => place.handshakes.length === 2, "a second handshake");
  assert.equal(place.handshakes[1]?.protocols, "ebb.v1,bearer.t3");
});

test("a function that fails ends no client that was connected: it is asked again", async (t) => {
  const place = await Place.open(t);
  let asked = 0;
  const token = async () => {
    if (++asked === 2) throw new Error("away");
    return `t${asked}`;
  };
  await connected(t, place, { token });
  place.sockets[0]?.terminate();
  await until(() => place.handshakes.length === 2, "a second handshake");
  assert.equal(place.handshakes[1]?.protocols, "ebb.v1,bearer.t3");
  await assert.rejects(connect(place.url, { WebSocket, token: () => Promise.reject(new Error("no key")) }), /no key/);
});

test("a client with one token for ever ends when that has expired, and says so", async (t) => {
  const place = await Place.open(t);
  const client = await connected(t, place, { token: "t1" });
  place.say(expiring);
  const waits = assert.rejects(client.publish("never"), /the client has ended: 4401 token expired/);
  place.sockets[0]?.close(4401, "token expired");
  assert.deepEqual(await client.closed, { code: 4401, reason: "token expired" });
  await waits;
  assert.deepEqual([place.handshakes.length, place.hears.map(({ type }) => type)], [1, ["publish"]]);
});

/** A place that refuses each handshake with 401, or leaves it unanswered, and says `status` to each request. */
async function refusing(t: TestContext, status: number, answers = true) {
  const asked: string[] = [];
  let handshakes = 0;
  const server = createServer((request, response) => {
    asked.push(`${request.url} ${request.headers.authorization}`);
    response.writeHead(status, { connection: "close" }).end();
  });
  server.on("upgrade", (_, socket) => {
    handshakes++;
    socket.on("error", () => {}); // whoever is not answered gives up
    if (answers) socket.end("HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  t.after(() => server.close());
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/ws`;
  return { url, asked, handshakes: () => handshakes };
}

test("a client whose one token is worth nothing ends, and says so", async (t) => {
  const place = await refusing(t, 401);
  const connecting = connect(place.url, { WebSocket, name: "ann", token: "wrong" });
  await assert.rejects(connecting, /the client has ended: 4401 the server refuses the token/);
  assert.deepEqual([place.handshakes(), place.asked], [1, ["/ws/ann Bearer wrong"]]);
});

test("a client that gets another token, or whose place does not say that it is the token, tries on", async (t) => {
  for (const [status, token] of [[401, () => "wrong"], [404, "right"]] as const) {
    const place = await refusing(t, status);
    const leaving = new AbortController();
    const client = new Client([place.url], { WebSocket, name: "ann", token });
    void client.connected.catch(() => leaving.abort());
    await until(() => place.handshakes() === 3, "a third handshake");
    assert.equal(leaving.signal.aborted, false);
    await client.close();
  }
});

test("a place that does not answer a handshake is not asked about the token", async (t) => {
  const place = await refusing(t, 401, false);
  const client = new Client([place.url], { WebSocket, name: "ann", token: "right", arriveWithinMs: 30 });
  await until(() => place.handshakes() === 3, "a third handshake");
  await client.close();
  assert.deepEqual(place.asked, []);
});

test("it resumes from its position, with its rooms, under its name", async (t) => {
  const place = await Place.open(t);
  const heard: number[] = [];
  await connected(t, place, { rooms: ["tea room"], onMessage: ({ seq }) => void heard.push(seq) });
  place.say({ ...message, seq: 7 });
  await until(() => heard.length === 1, "the message");
  place.sockets[0]?.terminate();
  await until(() => place.handshakes.length === 2, "a second handshake");
  assert.deepEqual(
    place.handshakes.map((each) => each.url),
    ["/ws/ann?room=tea+room", "/ws/ann?room=tea+room&epoch=e&seq=7"],
  );
});

test("it says where it is, and when it is cut: also while it looks for another place, not when it leaves", async (t) => {
  const place = await Place.open(t);
  const events: string[] = [];
  const client = await connected(t, place, {
    onConnected: ({ href }) => void events.push(href),
    onCut: ({ code }) => void events.push(`cut ${code}`),
  });
  place.admits = new Promise(() => {});
  place.say({ type: "draining", deadline_s: 1, deadline_at: "", reconnect_after_s: 0 });
  await until(() => place.handshakes.length === 2, "the attempt to move");
  place.admits = Promise.resolve();
  place.sockets[0]?.close(1012);
  place.sockets[1]?.terminate();
  await until(() => events.length === 3, "it is back");
  await client.close();
  assert.deepEqual(events, [`${place.url}/ann`, "cut 1012", `${place.url}/ann`]);
});

test("what is not acknowledged in time is repeated with the same id on another connection", async (t) => {
  const place = await Place.open(t);
  place.answer = ({ id }, say) => {
    if (place.handshakes.length > 1) say({ type: "ack", id: String(id), seq: 9 });
  };
  const client = await connected(t, place, { acknowledgeWithinMs: 50 });
  assert.equal(await client.publish("hello", { id: "order-17", room: "tea" }), 9);
  const request = { type: "publish", id: "order-17", room: "tea", data: "hello" };
  assert.deepEqual(place.hears, [request, request]);
});

test("what is repeated is what was published, whatever became of it", async (t) => {
  const place = await Place.open(t);
  place.answer = ({ id }, say) => {
    if (place.handshakes.length > 1) say({ type: "ack", id: String(id), seq: 9 });
  };
  const client = await connected(t, place);
  const data = { text: "as it was" };
  const answer = client.publish(data);
  await until(() => place.hears.length === 1, "the first time");
  data.text = "changed";
  place.sockets[0]?.terminate();
  await answer;
  assert.deepEqual(
    place.hears.map((each) => each["data"]),
    [{ text: "as it was" }, { text: "as it was" }],
  );
});

test("a publish that is refused is rejected with the reason, one without an id is the oldest", async (t) => {
  const place = await Place.open(t);
  place.answer = ({ id, data }, say) => {
    if (data === "first") say({ type: "error", code: "malformed", detail: "surrogates" });
    else say({ type: "error", code: "broker_unavailable", detail: "away", id: String(id) });
  };
  const client = await connected(t, place);
  const answers = await Promise.allSettled([client.publish("first"), client.publish("second", { id: "x" })]);
  const reasons = answers.map((each) => (each as PromiseRejectedResult).reason as PublishRefused);
  assert.deepEqual(
    reasons.map((each) => each.code),
    ["malformed", "broker_unavailable"],
  );
  assert.equal(reasons[1]?.message, "publish x was refused (broker_unavailable): away");
});

test("a few publishes are on their way at once, and the others wait for these, in their order", async (t) => {
  const place = await Place.open(t);
  const client = await connected(t, place);
  const answers = [...Array(40).keys()].map((n) => client.publish(n, { id: String(n) }));
  await until(() => place.hears.length === 32, "a window full");
  place.answer = ({ id }, say) => say({ type: "ack", id: String(id), seq: 1 });
  for (let n = 0; n < 32; n++) place.say({ type: "ack", id: String(n), seq: 1 });
  await Promise.all(answers);
  assert.deepEqual(
    place.hears.map((each) => each["data"]),
    [...Array(40).keys()],
  );
});

test("what was refused because it was too fast comes again when it may, and later ones after it", async (t) => {
  const place = await Place.open(t);
  let refused = false;
  place.answer = ({ id }, say) => {
    if (!refused) say({ type: "error", code: "rate_limited", detail: "limit", id: String(id), retry_after_s: 0.05 });
    else say({ type: "ack", id: String(id), seq: 1 });
    refused = true;
  };
  const client = await connected(t, place);
  const first = client.publish(1, { id: "first" });
  await until(() => refused, "a refusal");
  await first;
  await client.publish(2, { id: "second" });
  assert.deepEqual(
    place.hears.map((each) => each["id"]),
    ["first", "first", "second"],
  );
});

test("a room that was not entered, because the client was too fast, is entered when it may go on", async (t) => {
  const place = await Place.open(t);
  let refused = false;
  place.answer = (_, say) => {
    if (!refused) say({ type: "error", code: "rate_limited", detail: "limit", retry_after_s: 0.05 });
    refused = true;
  };
  const client = await connected(t, place);
  client.join("tea");
  await until(() => place.hears.length === 2, "a second join");
  assert.deepEqual(place.hears, [
    { type: "join", room: "tea" },
    { type: "join", room: "tea" },
  ]);
});

test("what no server would take is refused at once, and so is more than may wait", async (t) => {
  const client = await connected(t, await Place.open(t), { mostWaiting: 1 });
  for (const data of [undefined, 1n, () => 1]) await assert.rejects(client.publish(data), TypeError);
  await assert.rejects(client.publish(1, { id: "" }), RangeError);
  await assert.rejects(client.publish(1, { room: "é".repeat(65) }), RangeError);
  await assert.rejects(client.publish(1, { room: "a\n" }), RangeError);
  assert.throws(() => client.join(""), RangeError);
  void client.publish(1).catch(() => {});
  await assert.rejects(client.publish(2), /1 of 1 publishes wait/);
});

test("a code after which no client should come back ends it, and what waits is rejected", async (t) => {
  const place = await Place.open(t);
  const client = await connected(t, place);
  const waiting = client.publish("hello");
  waiting.catch(() => {});
  place.sockets[0]?.close(1008, "slow consumer");
  assert.deepEqual(await client.closed, { code: 1008, reason: "slow consumer" });
  await assert.rejects(waiting, /the client has ended: 1008 slow consumer/);
  await assert.rejects(client.publish("more"), /the client has ended/);
  assert.equal(place.handshakes.length, 1);
});

test("it leaves with 1000 and comes back no more", async (t) => {
  const place = await Place.open(t);
  const client = await connected(t, place);
  const [socket] = place.sockets as [WebSocket];
  const [closed] = await Promise.all([once(socket, "close"), client.close()]);
  assert.equal(closed[0], 1000);
  assert.equal((await client.closed).code, 1000);
});

test("a gap is told once, and numbers go on after it in its epoch", async (t) => {
  const place = await Place.open(t);
  const heard: unknown[] = [];
  await connected(t, place, {
    onGap: (gap) => void heard.push(gap.next),
    onMessage: (message) => void heard.push(message.seq),
  });
  for (const said of [
    { type: "gap", after: 0, next: 5, epoch: "f" },
    { type: "gap", after: 0, next: 5, epoch: "f" },
    { ...message, seq: 4 },
    { ...message, seq: 5 },
    { ...message, seq: 5 },
  ]) {
    place.say(said);
  }
  await until(() => heard.length >= 2, "the gap and a message");
  assert.deepEqual(heard, [5, 5]);
});

test("in a drain it moves at its moment, and leaves the old place once the new one has let it in", async (t) => {
  t.mock.method(Math, "random", () => 0); // in the order in which they are written
  const [old, next] = [await Place.open(t), await Place.open(t)];
  const heard: number[] = [];
  const options = { WebSocket, onMessage: ({ seq }: { seq: number }) => void heard.push(seq) };
  const client = await connect([old.url, next.url], options);
  t.after(() => client.close());
  const [left] = old.sockets as [WebSocket];
  let admit = () => {};
  next.admits = new Promise<void>((resolve) => (admit = resolve));

  const told = Date.now();
  old.say({ type: "draining", deadline_s: 9, deadline_at: "", reconnect_after_s: 0.3 });
  assert.equal((await client.draining).deadline_s, 9);
  await until(() => next.handshakes.length === 1, "a handshake at the next place");
  assert.ok(Date.now() - told >= 290, "before its moment");
  client.join("tea");
  old.say({ ...message, seq: 1 });
  await until(() => heard.length === 1, "a message at the old place");
  assert.equal(left.readyState, WebSocket.OPEN);
  admit();
  await Promise.all([once(left, "close"), until(() => next.hears.length === 1, "what it joined meanwhile")]);
  next.say({ ...message, seq: 1 });
  next.say({ ...message, seq: 2 });
  await until(() => heard.length === 2, "a message at the next place");

  assert.deepEqual(heard, [1, 2]);
  assert.deepEqual([old.hears, next.hears], [[], [{ type: "join", room: "tea" }]]);
});

test("a place that does not let it in is given up in time, and the next one is tried", async (t) => {
  t.mock.method(Math, "random", () => 0); // in the order in which they are written
  const silent = new WebSocketServer({ port: 0, host: "127.0.0.1" }); // says no welcome
  let asked = 0;
  silent.on("connection", () => void (asked += 1));
  t.after(() => silent.close());
  await once(silent, "listening");
  const place = await Place.open(t);
  const urls = [`ws://127.0.0.1:${(silent.address() as AddressInfo).port}/ws`, place.url];
  const client = await connect(urls, { WebSocket, arriveWithinMs: 100 });
  t.after(() => client.close());
  assert.deepEqual([asked, place.handshakes.length], [1, 1]);
});

test("the wait doubles with each failure up to a limit, and is drawn from all of it", () => {
  const longest = [0, 1, 2, 3, 6, 7, 100].map((failures) => backoffMs(failures, () => 1));
  assert.deepEqual(longest, [0, 100, 200, 400, 3200, 5000, 5000]);
  assert.equal(
    backoffMs(7, () => 0),
    0,
  );
  assert.equal(
    backoffMs(7, () => 0.5),
    2500,
  );
});

test("without a WebSocket or a place it says so", async () => {
  await assert.rejects(connect([], { WebSocket }), /no place to connect to/);
  await assert.rejects(connect("ws://x/ws", { WebSocket, rooms: [""] }), RangeError);
});
