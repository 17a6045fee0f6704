// A connection to one of the endpoints beside the broadcast. In a drain it moves at its moment; cut, it comes back.

import { backoffMs } from "./client/backoff.js";

/** After which close codes nobody should reconnect: normal closure, no text, policy, too big. */
const FINAL = new Set([1000, 1003, 1008, 1009]);

export class Link {
  /** @type {Attempt | undefined} */
  #current;
  /** @type {string[]} said before there was a connection */
  #waiting = [];
  #wanted = true;
  #places;

  /**
   * @param {string} path under a place, as `session/7`
   * @param {URL[]} places
   * @param {() => string | undefined} token
   * @param {{ onText(text: string): void, onState(text: string): void }} listener
   */
  constructor(path, places, token, listener) {
    this.path = path;
    this.token = token;
    this.listener = listener;
    this.#places = [...places];
    void this.#live();
  }

  /** @param {string} text */
  send(text) {
    if (this.#current?.open) this.#current.socket.send(text);
    else this.#waiting.push(text);
  }

  close() {
    this.#wanted = false;
    this.#current?.leave();
  }

  async #live() {
    let failures = 0;
    while (this.#wanted) {
      await new Promise((resolve) => setTimeout(resolve, backoffMs(failures)));
      const url = this.#next();
      const token = this.token();
      const attempt = new Attempt(url, token === undefined ? [] : ["ebb.text", `bearer.${token}`], this.listener);
      if (!(await attempt.opened)) {
        failures += 1;
        continue;
      }
      this.#current?.leave();
      this.#current = attempt;
      if (!this.#wanted) return attempt.leave();
      failures = 0;
      this.listener.onState(`connected to ${url.host}`);
      for (const text of this.#waiting.splice(0)) attempt.socket.send(text);
      const closed = await attempt.leaving;
      if (closed === undefined) continue;
      this.listener.onState(`closed: ${closed.code} ${closed.reason}`);
      if (FINAL.has(closed.code)) return;
      failures = 1;
    }
  }

  #next() {
    const place = /** @type {URL} */ (this.#places.shift());
    this.#places.push(place);
    const url = new URL(place);
    url.pathname = `${url.pathname.replace(/\/$/, "")}/${this.path}`;
    return url;
  }
}

/** One socket: whether it opened, and when it is to be left: at its moment, or because it is closed. */
class Attempt {
  /**
   * @param {URL} url
   * @param {string[]} protocols
   * @param {{ onText(text: string): void, onState(text: string): void }} listener
   */
  constructor(url, protocols, listener) {
    const socket = new WebSocket(url, protocols);
    this.socket = socket;
    /** @type {Promise<boolean>} */
    this.opened = new Promise((resolve) => {
      socket.onopen = () => resolve(true);
      socket.addEventListener("close", () => resolve(false));
    });
    /** @type {Promise<CloseEvent | undefined>} */
    this.leaving = new Promise((resolve) => {
      socket.addEventListener("close", resolve);
      socket.onmessage = (event) => {
        const notice = noticeIn(String(event.data));
        if (notice === undefined) return listener.onText(String(event.data));
        listener.onState(`the server is going away: moving in ${notice.reconnect_after_s.toFixed(1)} s`);
        setTimeout(() => resolve(undefined), notice.reconnect_after_s * 1000);
      };
    });
  }

  get open() {
    return this.socket.readyState === WebSocket.OPEN;
  }

  leave() {
    this.socket.onmessage = null;
    this.socket.close(1000);
  }
}

/**
 * @param {string} text
 * @returns {import("./client/messages.js").Draining | undefined}
 */
function noticeIn(text) {
  try {
    const said = JSON.parse(text);
    return said?.type === "draining" ? said : undefined;
  } catch {
    return undefined;
  }
}
