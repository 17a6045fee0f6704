// One connection of `ebb.v1`.
//
// Owns the socket, and what the envelopes mean that are about this connection: when it has arrived, when it is to be
// left, when it is over. Refuses to know the client's other connections, and when to connect.

import { Deferred } from "./deferred.js";
import type { Draining, EbbClientMessage, EbbServerMessage, Envelope, Gap } from "./messages.js";
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

const OPEN = 1;
const NORMAL_CLOSURE = 1000;

export class Connection {
  /** True once the server has said what it owes a new connection: `welcome`, and to a resume `resumed` or `gap`. */
  readonly arrived: Promise<boolean>;
  readonly noticed: Promise<Draining>;
  readonly ended: Promise<Closed>;
  welcomed = false;
  over = false;
  readonly #arrived = new Deferred<boolean>();
  readonly #noticed = new Deferred<Draining>();
  readonly #ended = new Deferred<Closed>();
  readonly #socket: Socket;
  readonly #resumes: boolean;
  #left = false;
  #epoch: string;

  /** Connects to `url` from a position; `rooms` are those that the handshake names. */
  constructor(
    WebSocket: SocketConstructor,
    url: URL,
    protocols: string[],
    readonly rooms: Set<string>,
    private readonly position: Position,
    private readonly listener: Listener,
  ) {
    this.arrived = this.#arrived.promise;
    this.noticed = this.#noticed.promise;
    this.ended = this.#ended.promise;
    this.#resumes = position.epoch !== "";
    this.#epoch = position.epoch;
    const query = new URLSearchParams([...rooms].map((room) => ["room", room]));
    if (this.#resumes) {
      query.set("epoch", position.epoch);
      query.set("seq", String(position.seq));
    }
    const whole = new URL(url);
    whole.search = query.toString();
    this.#socket = new WebSocket(whole.href, protocols);
    this.#socket.onmessage = (event: { data: string }) => this.#hear(JSON.parse(event.data) as EbbServerMessage);
    this.#socket.onclose = (event: Closed) => this.#end({ code: event.code, reason: event.reason });
    this.#socket.onerror = () => {}; // a close follows
  }

  /** Sends a request; says whether it could. */
  send(request: EbbClientMessage): boolean {
    const open = !this.over && this.welcomed && this.#socket.readyState === OPEN;
    if (open) this.#socket.send(JSON.stringify(request));
    return open;
  }

  /**
   * Leaves. Messages that still arrive do not count, acknowledgements do: where the client has moved to, it is in other
   * rooms by and by, and of two connections in different rooms neither has every message in order.
   */
  leave(): void {
    this.#left = true;
    this.#socket.close(NORMAL_CLOSURE);
  }

  /** Takes the connection for cut: nothing that arrives later counts. */
  abandon(reason: string): void {
    this.#socket.onmessage = null;
    this.#end({ code: 1006, reason });
    this.#socket.close(NORMAL_CLOSURE);
  }

  #hear(said: EbbServerMessage): void {
    switch (said.type) {
      case "welcome":
        this.welcomed = true;
        this.#epoch = said.epoch;
        this.position.begin(said.epoch, said.seq);
        if (!this.#resumes) this.#arrived.resolve(true);
        break;
      case "resumed":
        this.#arrived.resolve(true);
        break;
      case "gap":
        this.#epoch = said.epoch;
        if (!this.#left && this.position.skip(said)) this.listener.onGap(said);
        this.#arrived.resolve(true);
        break;
      case "message":
        if (!this.#left && this.position.reach(this.#epoch, said.seq)) this.listener.onMessage(said);
        break;
      case "ack":
        this.listener.onAck(said.id, said.seq);
        break;
      case "draining":
        this.#noticed.resolve(said);
        break;
      case "error":
        this.listener.onError(said.code, said.detail, said.id, said.retry_after_s);
        break;
      case "expiring":
        if (!this.#left) this.listener.onExpiring(this, said.expires_in_s);
        break;
      case "renewed":
        if (!this.#left) this.listener.onRenewed();
        break;
    }
  }

  #end(closed: Closed): void {
    this.over = true;
    this.#arrived.resolve(false);
    this.#ended.resolve(closed);
  }
}
