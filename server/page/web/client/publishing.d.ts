import type { Publish } from "./messages.js";
/** A `publish` was not carried out. With `broker_unavailable` it may have been; repeat it with the same `id`. */
export declare class PublishRefused extends Error {
    readonly code: string;
    readonly id: string;
    constructor(code: string, detail: string, id: string);
}
export declare class Publishing {
    #private;
    readonly limit: number;
    constructor(limit: number);
    get size(): number;
    get oldest(): string | undefined;
    /** The requests to be repeated, oldest first. */
    get requests(): Publish[];
    /** Takes a request; one whose id waits already is the same one. Throws RangeError when too many wait. */
    take(request: Publish): Promise<number>;
    acknowledge(id: string, seq: number): void;
    refuse(id: string, reason: unknown): void;
    refuseAll(reason: unknown): void;
}
