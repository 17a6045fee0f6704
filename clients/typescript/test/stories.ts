// What clients go through when real servers are told to stop, one after another: nothing lost, nothing doubled, in order.
//
// Told once for Node and for browsers. A client knows the URLs of three hosts, of which only one listens at a time, save
// during a drain. Refuses to know where it runs, and how hosts are started and stopped (`Stage`).

import type { Options } from "../src/index.js";
import { allHear, equal, Listening, numbers, Speaker, until } from "./listening.js";

const CLIENTS = 20;

/** The hosts of one story. */
export interface Stage {
  readonly urls: string[];
  /** For Node, which has none of its own. */
  readonly WebSocket?: Options["WebSocket"];
  /** Puts the next host in the place of the present one, which is stopped by a signal. */
  deploy(signal: "SIGTERM" | "SIGKILL"): Promise<void>;
  /** Publishes on a host to which no client connects. */
  say(data: unknown, room?: string): Promise<unknown>;
}

/** The stage with the clients on it. */
class Story {
  readonly #clients: Listening[] = [];

  constructor(private readonly stage: Stage) {}

  say = (data: unknown, room?: string) => this.stage.say(data, room);
  deploy = (signal: "SIGTERM" | "SIGKILL" = "SIGTERM") => this.stage.deploy(signal);

  async crowd(size: number, options: Options = {}): Promise<Listening[]> {
    const { urls, WebSocket } = this.stage;
    const all = { ...(WebSocket && { WebSocket }), ...options };
    const clients = await Promise.all(Array.from({ length: size }, () => Listening.start(urls, all)));
    this.#clients.push(...clients);
    return clients;
  }

  async one(options: Options = {}): Promise<Listening> {
    return (await this.crowd(1, options))[0] as Listening;
  }

  async end(): Promise<void> {
    await Promise.all(this.#clients.map((each) => each.client.close()));
  }
}

/** Tells a story; returns what is to be reported, if all of it went as it should. */
export async function tell(name: string, stage: Stage): Promise<string> {
  const told = stories[name];
  if (told === undefined) throw new Error(`there is no story ${name}`);
  const story = new Story(stage);
  try {
    return (await told(story)) ?? "as told";
  } finally {
    await story.end();
  }
}

function arrivals(clients: Listening[], count: number): Promise<void> {
  return until(() => clients.every((each) => each.arrivals === count), `each client connected ${count} times`);
}

function report(clients: Listening[], expected: number): string {
  return `${clients.length} clients, ${expected} messages each, 0 lost, 0 doubled, 0 reordered`;
}

export const stories: Record<string, (story: Story) => Promise<string | void>> = {
  "clients that are moved twice under load miss nothing and hear nothing twice": async (story) => {
    const clients = await story.crowd(CLIENTS);
    const speaker = new Speaker(story.say);
    await until(() => clients.every((each) => each.heard.length > 20), "the first messages");
    await story.deploy();
    await arrivals(clients, 2);
    await story.deploy();
    await arrivals(clients, 3);
    await speaker.silence();
    await allHear(clients, numbers(speaker.last));
    return report(clients, speaker.last);
  },

  "a client that has heard nothing yet misses nothing of what is said while it moves": async (story) => {
    const clients = await story.crowd(CLIENTS);
    const moving = story.deploy();
    await Promise.all(clients.map((each) => each.client.draining));
    const speaker = new Speaker(story.say);
    await moving;
    await arrivals(clients, 2);
    await speaker.silence();
    await allHear(clients, numbers(speaker.last));
    return report(clients, speaker.last);
  },

  "a client that was idle, while others were not, misses nothing": async (story) => {
    const idle = await story.crowd(CLIENTS);
    const busy = await story.crowd(3, { rooms: ["busy"] });
    for (let n = 1; n <= 100; n++) await story.say(n, "busy");
    await story.deploy();
    await arrivals(idle, 2);
    await story.say("for all");
    await story.deploy();
    await arrivals(idle, 3);
    await story.say("for all again");
    await allHear(idle, ["for all", "for all again"]);
    await allHear(busy, [...numbers(100), "for all", "for all again"]);
    return report(idle, 2);
  },

  "a host that is killed loses nobody anything": async (story) => {
    const clients = await story.crowd(CLIENTS);
    const speaker = new Speaker(story.say);
    await until(() => clients.every((each) => each.heard.length > 20), "the first messages");
    await story.deploy("SIGKILL");
    await arrivals(clients, 2);
    await speaker.silence();
    await allHear(clients, numbers(speaker.last));
    return report(clients, speaker.last);
  },

  "what is published in a deploy is acknowledged once, and heard once by everyone else, in order": async (story) => {
    const listener = await story.one();
    const talker = await story.one();
    const answers: Promise<number>[] = [];
    const talking = setInterval(() => answers.push(talker.client.publish(answers.length + 1)), 2);
    try {
      await until(() => listener.heard.length > 20, "the first messages");
      await story.deploy();
      await arrivals([talker, listener], 2);
      await story.deploy("SIGKILL");
      await arrivals([talker, listener], 3);
    } finally {
      clearInterval(talking);
    }
    const places = await Promise.all(answers);
    equal(
      places,
      [...new Set(places)].sort((a, b) => a - b),
    );
    await allHear([listener], numbers(answers.length));
    equal(talker.heard, []);
    return report([listener], answers.length);
  },

  "after a deploy a client is in its rooms, in those too that it joined in a drain, in none that it left": async (
    story,
  ) => {
    const one = await story.one({ rooms: ["tea", "den"] });
    const moving = story.deploy();
    await one.client.draining;
    one.client.join("hall");
    one.client.leave("den");
    await moving;
    await arrivals([one], 2);
    for (const room of ["tea", "den", "hall"]) await story.say(room, room);
    await story.say("all");
    await allHear([one], ["tea", "hall", "all"]);
  },

  "the drain of a place is a promise, and that of the next place another one": async (story) => {
    const one = await story.one();
    const first = one.client.draining;
    await story.deploy();
    const notice = await first;
    equal([notice.type, notice.deadline_s > 0, notice.deadline_s <= 20], ["draining", true, true]);
    await arrivals([one], 2);
    equal(await Promise.race([one.client.draining, "pending"]), "pending");
  },
};
