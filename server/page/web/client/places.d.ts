export declare class Places {
    #private;
    /** `places` are URLs as `wss://host/ws`, to which the client's name is added. Throws RangeError if there is none. */
    constructor(places: (string | URL)[], name: string);
    /** The next one; while there are others, not `draining`. */
    next(draining: URL | undefined): URL;
}
