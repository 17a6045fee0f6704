import type { Closed, SocketConstructor } from "./connection.js";
import type { Envelope, Gap } from "./messages.js";
import type { Token } from "./tokens.js";
export interface Options {
    /** By which the client is known, on every connection; at most one client has it at a time. Default: a random one. */
    name?: string;
    /**
     * Sent as the subprotocol `bearer.TOKEN`. A function is asked at each handshake, and for another one when the server
     * says that it expires. Without one the client ends when its token does: `closed` has the code 4401.
     */
    token?: Token;
    /** To be in from the start; at most 100. */
    rooms?: Iterable<string>;
    /** Each message once, in order. */
    onMessage?: (message: Envelope) => void;
    /** Messages are lost: the client was away for longer than the server's history reaches. */
    onGap?: (gap: Gap) => void;
    /** Each time that another connection has become the client's: the first, after a move, after a cut. */
    onConnected?: (place: URL) => void;
    /** The connection is gone before the client had another one; it is trying to get one. */
    onCut?: (closed: Closed) => void;
    /** Default: the one of the browser or of Node 22. For Node 20 that of `ws`. */
    WebSocket?: SocketConstructor;
    /**
     * Within which a place must let the client in, and a publish must be acknowledged. Default 10,000 each: after several
     * failed handshakes Chromium holds back those of a page for up to 5,000.
     */
    arriveWithinMs?: number;
    acknowledgeWithinMs?: number;
    /** Publishes that may wait to be acknowledged. Default 1,000. */
    mostWaiting?: number;
}
/** Throws RangeError for the id of a publish that the server would not take. */
export declare function checkId(id: string): void;
/** Throws RangeError for a name of a room that the server would not take. */
export declare function checkName(what: string, name: string): void;
/** Throws RangeError for rooms that no handshake could name. */
export declare function checkRooms(rooms: Set<string>): void;
/** Copies what is to be published as JSON has it: it may be repeated. Throws TypeError for what JSON cannot hold. */
export declare function copyOf(data: unknown): unknown;
/** Finds the WebSocket to use. Throws TypeError where there is none. */
export declare function socketOf(options: Options): SocketConstructor;
/** Lists the subprotocols of a handshake. */
export declare function protocolsOf(token: string | undefined): string[];
/** Draws a name that nobody else has. */
export declare function randomName(): string;
