// How long to wait before the next attempt: exponential, with full jitter.
// Source: AWS Architecture Blog, "Exponential Backoff And Jitter".
const BASE_MS = 100;
const CAP_MS = 5_000;
/** Draws a wait in milliseconds: up to 100 after one failure, twice as much after each further one, at most 5 s. */
export function backoffMs(failures, random = Math.random) {
    if (failures === 0)
        return 0;
    return random() * Math.min(CAP_MS, BASE_MS * 2 ** (failures - 1));
}
