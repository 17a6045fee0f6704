import type { Gap } from "./messages.js";
export declare class Position {
    epoch: string;
    seq: number;
    /** Begins at the server's position, unless the client has one. */
    begin(epoch: string, seq: number): void;
    /** Advances to a message; says whether it is new. */
    reach(epoch: string, seq: number): boolean;
    /** Goes on after a gap; says whether anything is lost that was not known to be lost. */
    skip(gap: Gap): boolean;
}
