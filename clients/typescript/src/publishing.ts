// What was published and is not acknowledged yet: bounded, in order, and repeated on each new connection.
//
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

interface Waiting {
  request: Publish;
  answer: Deferred<number>;
}

export class Publishing {
  readonly #waiting = new Map<string, Waiting>();

  constructor(readonly limit: number) {}

  get size(): number {
    return this.#waiting.size;
  }

  get oldest(): string | undefined {
    return this.#waiting.keys().next().value;
  }

  /** The requests to be repeated, oldest first. */
  get requests(): Publish[] {
    return [...this.#waiting.values()].map((each) => each.request);
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
    this.#waiting.delete(id);
  }

  refuse(id: string, reason: unknown): void {
    this.#waiting.get(id)?.answer.reject(reason);
    this.#waiting.delete(id);
  }

  refuseAll(reason: unknown): void {
    for (const id of [...this.#waiting.keys()]) this.refuse(id, reason);
  }
}
