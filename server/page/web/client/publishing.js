// What was published and is not acknowledged yet: bounded, in order, and repeated on each new connection.
//
// The server applies a `publish` with the same id once, from whichever connection of the same name it comes.
import { Deferred } from "./deferred.js";
/** A `publish` was not carried out. With `broker_unavailable` it may have been; repeat it with the same `id`. */
export class PublishRefused extends Error {
    code;
    id;
    constructor(code, detail, id) {
        super(`publish ${id} was refused (${code}): ${detail}`);
        this.code = code;
        this.id = id;
        this.name = "PublishRefused";
    }
}
export class Publishing {
    limit;
    #waiting = new Map();
    constructor(limit) {
        this.limit = limit;
    }
    get size() {
        return this.#waiting.size;
    }
    get oldest() {
        return this.#waiting.keys().next().value;
    }
    /** The requests to be repeated, oldest first. */
    get requests() {
        return [...this.#waiting.values()].map((each) => each.request);
    }
    /** Takes a request; one whose id waits already is the same one. Throws RangeError when too many wait. */
    take(request) {
        const same = this.#waiting.get(request.id);
        if (same !== undefined)
            return same.answer.promise;
        if (this.size >= this.limit) {
            throw new RangeError(`${this.size} of ${this.limit} publishes wait to be acknowledged`);
        }
        const answer = new Deferred();
        this.#waiting.set(request.id, { request, answer });
        return answer.promise;
    }
    acknowledge(id, seq) {
        this.#waiting.get(id)?.answer.resolve(seq);
        this.#waiting.delete(id);
    }
    refuse(id, reason) {
        this.#waiting.get(id)?.answer.reject(reason);
        this.#waiting.delete(id);
    }
    refuseAll(reason) {
        for (const id of [...this.#waiting.keys()])
            this.refuse(id, reason);
    }
}
