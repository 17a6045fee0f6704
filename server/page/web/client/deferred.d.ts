export declare class Deferred<T> {
    readonly promise: Promise<T>;
    resolve: (value: T) => void;
    reject: (reason: unknown) => void;
    constructor();
}
/** Waits, or until `signal` is aborted. Milliseconds. */
export declare function sleep(ms: number, signal: AbortSignal): Promise<void>;
