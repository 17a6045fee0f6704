// The banner of a drain: how long the server stays, and when it is this client's turn to move.
//
// The sea in the page's head falls with the time that is left.

import { announce, find } from "./dom.js";

const TICK_MS = 200;

export class Drain {
  #banner = find("#drain", HTMLElement);
  #text = find("#drain-text", HTMLElement);
  #own = find("#own", HTMLElement);
  #end = find("#end", HTMLElement);
  #left = find("#drain-left", SVGRectElement);
  #moment = find("#drain-moment", SVGRectElement);
  #sea = document.documentElement;
  /** @type {ReturnType<typeof setInterval> | undefined} */
  #ticking;

  /** @param {import("./client/messages.js").Draining} notice */
  begin({ deadline_s, reconnect_after_s }) {
    const now = performance.now();
    const ends = now + deadline_s * 1000;
    const moves = now + Math.min(reconnect_after_s, deadline_s) * 1000;
    const own = clock(reconnect_after_s);
    announce(`This server is going away. It closes in ${clock(deadline_s)}. You move in ${own}.`);
    this.#text.textContent = "It serves everyone who is still here until then. You move by yourself, and miss nothing.";
    this.#moment.setAttribute("x", String(1000 * (1 - (moves - now) / (ends - now || 1))));
    this.#banner.hidden = false;
    const tick = () => {
      const left = Math.max(0, ends - performance.now());
      const due = Math.max(0, moves - performance.now());
      this.#own.textContent = due > 0 ? clock(due / 1000) : "now";
      this.#end.textContent = clock(left / 1000);
      if (due === 0) this.#text.textContent = "Looking for another place. Until there is one you are served here.";
      const level = left / (ends - now || 1);
      this.#left.setAttribute("x", String(1000 * (1 - level)));
      this.#left.setAttribute("width", String(1000 * level));
      this.#sea.style.setProperty("--level", level.toFixed(3));
    };
    clearInterval(this.#ticking);
    this.#ticking = setInterval(tick, TICK_MS);
    tick();
  }

  end() {
    clearInterval(this.#ticking);
    this.#banner.hidden = true;
    this.#sea.style.removeProperty("--level");
  }
}

/**
 * Seconds as minutes and seconds, rounded up: 0:00 is over.
 *
 * @param {number} seconds
 */
export function clock(seconds) {
  const whole = Math.ceil(seconds);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}
