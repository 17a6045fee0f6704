/** Draws a wait in milliseconds: up to 100 after one failure, twice as much after each further one, at most 5 s. */
export declare function backoffMs(failures: number, random?: () => number): number;
