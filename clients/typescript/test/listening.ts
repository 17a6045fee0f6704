// Clients and what they have heard; and a speaker, whose messages are 1, 2, 3, ...
//
// Runs under Node and in a browser: knows neither, nor how a host is started.

import { connect, type Client, type Options } from "../src/index.js";

/** A client, what it has heard (gaps as well), and how often it has connected. */
export class Listening {
  client!: Client;
  readonly heard: unknown[] = [];
  arrivals = 0;

  static async start(urls: string[], options: Options = {}): Promise<Listening> {
    const listening = new Listening();
    listening.client = await connect(urls, {
      onMessage: (message) => void listening.heard.push(message.data),
      onGap: (gap) => void listening.heard.push(gap),
      onConnected: () => void (listening.arrivals += 1),
      ...options,
    });
    return listening;
  }
}

/** Says 1, 2, 3, ..., until it is silenced. */
export class Speaker {
  last = 0;
  #silenced = false;
  readonly #done: Promise<void>;

  constructor(say: (data: unknown) => Promise<unknown>) {
    this.#done = (async () => {
      while (!this.#silenced) {
        await say(++this.last);
        await new Promise((resolve) => setTimeout(resolve, 2));
      }
    })();
  }

  async silence(): Promise<void> {
    this.#silenced = true;
    await this.#done;
  }
}

export function numbers(last: number): number[] {
  return Array.from({ length: last }, (_, n) => n + 1);
}

/** Waits until a condition holds. */
export async function until(condition: () => boolean, what: string, withinMs = 60_000): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`not within ${withinMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Compares what JSON can hold. */
export function equal(actual: unknown, expected: unknown): void {
  const [is, shouldBe] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (is !== shouldBe) throw new Error(`${is}\nshould be\n${shouldBe}`);
}

/** Waits until every client has heard as much as is expected, and compares: nothing lost, doubled, or out of order. */
export async function allHear(clients: Listening[], expected: unknown[]): Promise<void> {
  try {
    await until(() => clients.every((each) => each.heard.length >= expected.length), "everything heard");
  } finally {
    for (const each of clients) equal(each.heard, expected);
  }
}
