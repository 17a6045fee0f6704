// What was published and is not acknowledged yet: bounded, in order, and repeated on each new connection.
//
// A few of them are on their way at once, the others wait for these; all wait while the server finds the client too
// fast. So nothing overtakes, and a client that comes back with much to repeat is not too fast.
// The server applies a `publish` with the same id once, from whichever connection of the same name it comes.

import { Deferred } from "./deferred.js";
import type { Publish } from "./messages.js";

/** A `publish` was not carried out. With `broker_unavailable` it may have been; repeat it with the same `id`. */
export class PublishRefused extends Error {
  constructor(
    readonly code: string,
    detail: string,
    readonly id: string,
  ) {
    super(`publish ${id} was refused (${code}): ${detail}`);
    this.name = "PublishRefused";
  }
}

/** Publishes on their way: less than a server takes at once, also from a client that has just reconnected. */
const WINDOW = 32;

interface Waiting {
  request: Publish;
  answer: Deferred<number>;
}

export class Publishing {
  readonly #waiting = new Map<string, Waiting>();

  readonly #sent = new Set<string>();

  constructor(readonly limit: number) {}

  get size(): number {
    return this.#waiting.size;
  }

  get oldest(): string | undefined {
    return this.#waiting.keys().next().value;
  }

  /** On a new connection nothing is on its way. */
  begin(): void {
    this.#sent.clear();
  }

  /** Has the oldest requests sent that may be on their way now, until `send` says that it cannot. */
  flow(send: (request: Publish) => boolean): void {
    for (const { request } of this.#waiting.values()) {
      if (this.#sent.size >= WINDOW) return;
      if (this.#sent.has(request.id)) continue;
      if (!send(request)) return;
      this.#sent.add(request.id);
    }
  }

  /** Takes back what the server has not taken, to be sent again; false for an id that does not wait. */
  putBack(id: string): boolean {
    this.#sent.delete(id);
    return this.#waiting.has(id);
  }

  /** Takes a request; one whose id waits already is the same one. Throws RangeError when too many wait. */
  take(request: Publish): Promise<number> {
    const same = this.#waiting.get(request.id);
    if (same !== undefined) return same.answer.promise;
    if (this.size >= this.limit) {
      throw new RangeError(`${this.size} of ${this.limit} publishes wait to be acknowledged`);
    }
    const answer = new Deferred<number>();
    this.#waiting.set(request.id, { request, answer });
    return answer.promise;
  }

  acknowledge(id: string, seq: number): void {
    this.#waiting.get(id)?.answer.resolve(seq);
    this.#drop(id);
  }

  refuse(id: string, reason: unknown): void {
    this.#waiting.get(id)?.answer.reject(reason);
    this.#drop(id);
  }

  #drop(id: string): void {
    this.#waiting.delete(id);
    this.#sent.delete(id);
  }

  refuseAll(reason: unknown): void {
    for (const id of [...this.#waiting.keys()]) this.refuse(id, reason);
  }
}
