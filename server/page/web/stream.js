// The stream: what was said, by whom, when, and under which number. One's own messages have theirs once acknowledged.
//
// A move changes nothing that is shown: lines are only added.

import { find, make } from "./dom.js";

const MOST_LINES = 2_000;

export class Stream {
  #list = find("#stream", HTMLElement);
  #empty = find("#empty", HTMLElement);
  #newer = find("#newer", HTMLButtonElement);
  /** The highest number shown. */
  last = 0;

  constructor() {
    this.#list.addEventListener("scroll", () => this.#atEnd && (this.#newer.hidden = true));
    this.#newer.addEventListener("click", () => {
      this.#toEnd();
      this.#list.focus();
    });
  }

  /** @param {import("./client/messages.js").Envelope} message */
  hear({ seq, from, room, data, at }) {
    this.last = Math.max(this.last, seq);
    const text = typeof data === "string" ? data : JSON.stringify(data);
    this.#add(line({ seq, at: new Date(at), who: from ?? "server", server: from === null, room, text }));
  }

  /**
   * Shows a message of one's own; it is settled when it has a number, and refused when it never will.
   *
   * @param {string} text
   * @param {string | undefined} room
   * @returns {{ settle(seq: number): void, refuse(why: string): void }}
   */
  say(text, room) {
    const shown = line({ seq: undefined, at: new Date(), who: "you", server: false, room: room ?? null, text });
    shown.classList.add("mine", "waiting");
    this.#add(shown);
    return {
      settle: (seq) => {
        shown.classList.remove("waiting");
        find(".seq", HTMLElement, shown).textContent = String(seq);
        shown.dataset["seq"] = String(seq);
        this.last = Math.max(this.last, seq);
        this.#place(shown, seq);
      },
      refuse: (why) => {
        shown.classList.replace("waiting", "lost");
        find(".said", HTMLElement, shown).append(` (not sent: ${why})`);
      },
    };
  }

  /**
   * Notes something that nobody said.
   *
   * @param {string} text
   * @param {"note" | "lost"} kind
   */
  note(text, kind = "note") {
    const shown = line({ seq: undefined, at: new Date(), who: undefined, server: false, room: null, text });
    shown.classList.add(kind);
    this.#add(shown);
  }

  /** @param {HTMLElement} shown */
  #add(shown) {
    const follow = this.#atEnd;
    this.#empty.hidden = true;
    this.#list.append(shown);
    while (this.#list.childElementCount > MOST_LINES) this.#list.firstElementChild?.remove();
    if (follow) this.#toEnd();
    else this.#newer.hidden = false;
  }

  /**
   * Puts a line where its number belongs: others may have come while it was under way.
   *
   * @param {HTMLElement} shown
   * @param {number} seq
   */
  #place(shown, seq) {
    for (let next = shown.previousElementSibling; next instanceof HTMLElement; next = shown.previousElementSibling) {
      if (!(Number(next.dataset["seq"]) > seq)) return;
      next.before(shown);
    }
  }

  get #atEnd() {
    return this.#list.scrollHeight - this.#list.scrollTop - this.#list.clientHeight < 8;
  }

  #toEnd() {
    this.#list.scrollTop = this.#list.scrollHeight;
    this.#newer.hidden = true;
  }
}

/**
 * @param {{ seq: number | undefined, at: Date, who: string | undefined, server: boolean, room: string | null,
 *   text: string }} what
 */
function line({ seq, at, who, server, room, text }) {
  const shown = make("p");
  if (seq !== undefined) shown.dataset["seq"] = String(seq);
  const time = make("time", "at", at.toLocaleTimeString([], { hour12: false }));
  time.setAttribute("datetime", at.toISOString());
  const said = make("span", "said");
  if (who !== undefined) said.append(make("span", server ? "who server" : "who", who));
  if (room !== null) said.append(make("span", "in", `in ${room}`));
  said.append(text);
  shown.append(make("span", "seq", seq === undefined ? "" : String(seq)), time, said);
  return shown;
}
