import type { Draining, EbbClientMessage, Envelope, Gap } from "./messages.js";
import type { Position } from "./position.js";
/** What is needed of a WebSocket: that of a browser, of Node 22, or of `ws`. */
export interface Socket {
    readonly readyState: number;
    onopen: unknown;
    onmessage: unknown;
    onclose: unknown;
    onerror: unknown;
    send(text: string): void;
    close(code?: number, reason?: string): void;
}
export type SocketConstructor = new (url: string, protocols: string[]) => Socket;
/** How a connection ended. Without a close frame the code is 1006. */
export interface Closed {
    code: number;
    reason: string;
}
/** What a connection tells its client. */
export interface Listener {
    onMessage(message: Envelope): void;
    onGap(gap: Gap): void;
    onAck(id: string, seq: number): void;
    onError(code: string, detail: string, id: string | undefined, retryAfterS: number | undefined): void;
    onExpiring(connection: Connection, inS: number): void;
    onRenewed(): void;
}
export declare class Connection {
    #private;
    readonly rooms: Set<string>;
    private readonly position;
    private readonly listener;
    /** True once the server has said what it owes a new connection: `welcome`, and to a resume `resumed` or `gap`. */
    readonly arrived: Promise<boolean>;
    readonly noticed: Promise<Draining>;
    readonly ended: Promise<Closed>;
    welcomed: boolean;
    over: boolean;
    /** Connects to `url` from a position; `rooms` are those that the handshake names. */
    constructor(WebSocket: SocketConstructor, url: URL, protocols: string[], rooms: Set<string>, position: Position, listener: Listener);
    /** Sends a request; says whether it could. */
    send(request: EbbClientMessage): boolean;
    /**
     * Leaves. Messages that still arrive do not count, acknowledgements do: where the client has moved to, it is in other
     * rooms by and by, and of two connections in different rooms neither has every message in order.
     */
    leave(): void;
    /** Takes the connection for cut: nothing that arrives later counts. */
    abandon(reason: string): void;
}
