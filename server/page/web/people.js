// Who is here: the pages that say so, in a room of their own.
//
// Each page says so when it comes, and again and again; the more there are the less often, so that together they say it
// twice a second at most. Who is not heard of for three turns is gone. A newcomer is answered by everyone, within the
// same measure.

import { draw, find, make } from "./dom.js";

export const ROOM = "here";
const TURN_MS = 10_000;
const LEAST_APART_MS = 500;
const TURNS_UNTIL_GONE = 3;

export class People {
  #list = find("#here", HTMLUListElement);
  #count = find("#here-count", HTMLElement);
  /** @type {Map<string, number>} when each was heard of last */
  #heard = new Map();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #turn;
  #due = Infinity;

  /**
   * @param {string} self
   * @param {(word: "hello" | "here" | "gone") => void} say
   */
  constructor(self, say) {
    this.self = self;
    this.say = say;
    this.#say("hello");
  }

  /**
   * @param {string} from
   * @param {unknown} word
   */
  hear(from, word) {
    if (word === "gone") this.#heard.delete(from);
    else this.#heard.set(from, performance.now());
    if (word === "hello") this.#sayWithin(Math.random() * this.#apartMs);
    this.#show();
  }

  leave() {
    clearTimeout(this.#turn);
    this.say("gone");
    this.#heard.clear();
    this.#show();
  }

  get #apartMs() {
    return LEAST_APART_MS * (this.#heard.size + 1);
  }

  get #turnMs() {
    return Math.max(TURN_MS, this.#apartMs);
  }

  /** @param {"hello" | "here"} word */
  #say(word) {
    this.say(word);
    this.#due = Infinity;
    const oldest = performance.now() - TURNS_UNTIL_GONE * this.#turnMs;
    for (const [name, at] of this.#heard) if (at < oldest) this.#heard.delete(name);
    this.#sayWithin(this.#turnMs * (0.75 + Math.random() / 2));
    this.#show();
  }

  /** @param {number} ms */
  #sayWithin(ms) {
    const due = performance.now() + ms;
    if (due >= this.#due) return;
    this.#due = due;
    clearTimeout(this.#turn);
    this.#turn = setTimeout(() => this.#say("here"), ms);
  }

  #show() {
    const names = [this.self, ...[...this.#heard.keys()].sort()];
    this.#count.textContent = String(names.length);
    this.#list.replaceChildren(...names.slice(0, 30).map((name) => badge(name, name === this.self)));
    if (names.length > 30) this.#list.append(make("li", "", `and ${names.length - 30} more`));
  }
}

/**
 * A colour of one's own, in degrees.
 *
 * @param {string} name
 */
function hue(name) {
  return [...name].reduce((sum, letter) => (sum * 31 + (letter.codePointAt(0) ?? 0)) % 360, 0);
}

/**
 * @param {string} name
 * @param {boolean} self
 */
function badge(name, self) {
  const picture = draw("svg", { viewBox: "0 0 24 24", width: 24, height: 24, "aria-hidden": "true" });
  const letters = draw("text", { x: 12, y: 16 });
  letters.textContent = name.slice(0, 1).toUpperCase();
  picture.append(draw("circle", { cx: 12, cy: 12, r: 12, fill: `hsl(${hue(name)} 60% 33%)` }), letters);
  const shown = make("li");
  shown.append(picture, self ? `${name} (you)` : name);
  return shown;
}
