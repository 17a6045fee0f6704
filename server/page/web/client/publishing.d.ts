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
    /** On a new connection nothing is on its way. */
    begin(): void;
    /** Has the oldest requests sent that may be on their way now, until `send` says that it cannot. */
    flow(send: (request: Publish) => boolean): void;
    /** Takes back what the server has not taken, to be sent again; false for an id that does not wait. */
    putBack(id: string): boolean;
    /** Takes a request; one whose id waits already is the same one. Throws RangeError when too many wait. */
    take(request: Publish): Promise<number>;
    acknowledge(id: string, seq: number): void;
    refuse(id: string, reason: unknown): void;
    refuseAll(reason: unknown): void;
}
