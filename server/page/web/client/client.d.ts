import { type Closed } from "./connection.js";
import type { Draining } from "./messages.js";
import { type Options } from "./options.js";
/** Connects, and returns the client once a place has let it in. `places` are URLs as `wss://host/ws`, tried in turn. */
export declare function connect(places: string | URL | Iterable<string | URL>, options?: Options): Promise<Client>;
export declare class Client {
    #private;
    readonly name: string;
    /** Settled when the client is in for the first time. */
    readonly connected: Promise<void>;
    /** Settled when the client has ended for good: by `close()`, or with a code after which none should reconnect. */
    readonly closed: Promise<Closed>;
    /** Use `connect`. Throws where there is no place, no WebSocket, or too many rooms. */
    constructor(places: (string | URL)[], options: Options);
    /** The drain notice of the place where the client is: pending until it comes, another promise after each move. */
    get draining(): Promise<Draining>;
    /**
     * Publishes to everyone else, or to everyone else in a room; returns its number. It is repeated with the same `id`
     * after each reconnect, and published once. Rejects with PublishRefused, with RangeError when too many wait, with
     * TypeError for what JSON cannot hold, and with Error when the client has ended.
     */
    publish(data: unknown, { room, id }?: {
        room?: string;
        id?: string;
    }): Promise<number>;
    /**
     * Enters a room (while a connection is being made, on the new one), and stays in it over reconnects. Throws
     * RangeError for too many rooms.
     */
    join(room: string): void;
    /** Leaves a room: no message of it comes after this. */
    leave(room: string): void;
    /** Leaves for good. What is not acknowledged is rejected. Returns when the connection is closed. */
    close(): Promise<Closed>;
}
