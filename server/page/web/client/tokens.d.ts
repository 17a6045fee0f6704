export type Token = string | (() => string | Promise<string>);
export declare class Tokens {
    #private;
    private readonly source;
    constructor(source: Token | undefined);
    /** Whether there may be another token than the first. */
    get renews(): boolean;
    /** The token to show now. Rejects with whatever the function does. */
    get(): Promise<string | undefined>;
    /**
     * A token that is not the one before; undefined where there is none within so many seconds, or before the signal. A
     * function may keep its token almost to the end, or fail: it is asked again after half of the time that is left.
     */
    another(withinS: number, signal: AbortSignal): Promise<string | undefined>;
}
