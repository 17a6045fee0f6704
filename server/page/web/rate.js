// How many messages came in each second of the last minute, as a picture.

import { draw, find } from "./dom.js";

const SECONDS = 60;
const WIDTH = 240;
const HEIGHT = 48;

export class Rate {
  #picture = find("#rate", SVGElement);
  #now = find("#rate-now", HTMLElement);
  #top = find("#rate-top", HTMLElement);
  #counts = /** @type {number[]} */ (Array(SECONDS).fill(0));

  constructor() {
    setInterval(() => {
      this.#counts.shift();
      this.#counts.push(0);
      this.#show();
    }, 1000);
  }

  count() {
    this.#counts[SECONDS - 1] = (this.#counts[SECONDS - 1] ?? 0) + 1;
    this.#show();
  }

  #show() {
    const most = Math.max(...this.#counts);
    const wide = WIDTH / SECONDS;
    const bars = this.#counts.map((count, second) => {
      const height = most && (count / most) * HEIGHT;
      return draw("rect", { x: second * wide + 0.5, y: HEIGHT - height, width: wide - 1, height });
    });
    this.#picture.replaceChildren(...bars);
    this.#now.textContent = `${this.#counts.reduce((sum, each) => sum + each, 0)} in the last minute`;
    this.#top.textContent = most ? `at most ${most} a second` : "";
  }
}
