// What a client may be told, and what it is held to: the server's own limits, so that nothing is refused over the wire.

import type { Closed, SocketConstructor } from "./connection.js";
import type { Envelope, Gap } from "./messages.js";
import type { Token } from "./tokens.js";

const MOST_ROOMS = 100;
const LONGEST_ID = 200; // in characters
const LONGEST_NAME = 128; // of a room, in bytes

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
export function checkId(id: string): void {
  if (id.length < 1 || id.length > LONGEST_ID) {
    throw new RangeError(`id of ${id.length} characters: 1 to ${LONGEST_ID} are allowed`);
  }
}

/** Throws RangeError for a name of a room that the server would not take. */
export function checkName(what: string, name: string): void {
  const size = new TextEncoder().encode(name).length;
  if (size < 1 || size > LONGEST_NAME) {
    throw new RangeError(`${what} of ${size} bytes: 1 to ${LONGEST_NAME} are allowed`);
  }
  if (/\p{Cc}/u.test(name)) throw new RangeError(`${what} with a control character`);
}

/** Throws RangeError for rooms that no handshake could name. */
export function checkRooms(rooms: Set<string>): void {
  for (const room of rooms) checkName("room", room);
  if (rooms.size > MOST_ROOMS) throw new RangeError(`${rooms.size} rooms, limit ${MOST_ROOMS}`);
}

/** Copies what is to be published as JSON has it: it may be repeated. Throws TypeError for what JSON cannot hold. */
export function copyOf(data: unknown): unknown {
  const text = JSON.stringify(data) as string | undefined;
  if (text === undefined) throw new TypeError(`JSON cannot hold ${typeof data}`);
  return JSON.parse(text);
}

/** Finds the WebSocket to use. Throws TypeError where there is none. */
export function socketOf(options: Options): SocketConstructor {
  const found: SocketConstructor | undefined = options.WebSocket ?? globalThis.WebSocket;
  if (found === undefined) throw new TypeError("there is no WebSocket here: pass that of `ws` as an option");
  return found;
}

/** Lists the subprotocols of a handshake. */
export function protocolsOf(token: string | undefined): string[] {
  return token === undefined ? ["ebb.v1"] : ["ebb.v1", `bearer.${token}`];
}

/** Draws a name that nobody else has. */
export function randomName(): string {
  const numbers = crypto.getRandomValues(new Uint32Array(4));
  return [...numbers].map((each) => each.toString(36)).join("");
}
