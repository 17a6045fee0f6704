// The token that a client shows: a text that stays the same, or what a function of the user's gives each time.
//
// Owns when the function is asked for another one. Refuses to know how a token is shown.
import { sleep } from "./deferred.js";
const LEAST_MS = 1_000; // before the end of a token nobody is asked any more
export class Tokens {
    source;
    #newest;
    constructor(source) {
        this.source = source;
    }
    /** Whether there may be another token than the first. */
    get renews() {
        return typeof this.source === "function";
    }
    /** The token to show now. Rejects with whatever the function does. */
    async get() {
        return (this.#newest = await (typeof this.source === "function" ? this.source() : this.source));
    }
    /**
     * A token that is not the one before; undefined where there is none within so many seconds, or before the signal. A
     * function may keep its token almost to the end, or fail: it is asked again after half of the time that is left.
     */
    async another(withinS, signal) {
        const known = this.#newest;
        const until = Date.now() + withinS * 1000;
        for (;;) {
            const token = await this.get().catch(() => known);
            const leftMs = until - Date.now();
            if (signal.aborted)
                return undefined;
            if (token !== known)
                return token;
            if (leftMs < LEAST_MS)
                return undefined;
            await sleep(leftMs / 2, signal);
        }
    }
}
