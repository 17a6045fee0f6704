// The endpoints beside the broadcast, to try: a session, an echo in JSON, a heavy computation.

import { find, make, onSubmit } from "./dom.js";
import { Link } from "./link.js";

const MOST_LINES = 100;

/** @typedef {() => string | undefined} Token what to show at each handshake, if anything */

/**
 * @param {URL[]} places
 * @param {Token} token
 */
export function addMore(places, token) {
  addSession(places, token);
  addQuestion("#json", "json", places, token);
  addQuestion("#heavy", "heavy", places, token);
}

/**
 * A panel that connects when something is asked, and shows what is answered, and after how long.
 *
 * @param {string} selector
 * @param {string} path
 * @param {URL[]} places
 * @param {Token} token
 */
function addQuestion(selector, path, places, token) {
  const panel = new Panel(selector);
  /** @type {number[]} when each question was asked that has no answer yet */
  const asked = [];
  /** @type {Link | undefined} */
  let link;
  panel.on("say", ({ text = "" }) => {
    link ??= new Link(path, places, token, {
      onText: (answer) => panel.show(`${answer}  (${Math.round(performance.now() - (asked.shift() ?? 0))} ms)`),
      onState: (state) => panel.note(state),
    });
    asked.push(performance.now());
    panel.note(text);
    link.send(text);
  });
}

/**
 * @param {URL[]} places
 * @param {Token} token
 */
function addSession(places, token) {
  const panel = new Panel("#session");
  /** @type {Link | undefined} */
  let link;

  /** @param {import("./client/messages.js").SessionClientMessage} message */
  function say(message) {
    panel.note(JSON.stringify(message));
    link?.send(JSON.stringify(message));
  }

  panel.on("open", ({ id = "" }) => {
    link?.close();
    link = new Link(`session/${encodeURIComponent(id)}`, places, token, {
      onText: (text) => panel.show(told(text)),
      onState: (state) => panel.note(state),
    });
    panel.enable();
  });
  panel.on("ask", ({ question = "" }) => say({ type: "STUDENT_INTERRUPTION", payload: { questionText: question } }));
  panel.on("progress", ({ page }) => say({ type: "READING_PROGRESS", payload: { page: Number(page) } }));
  panel.on("class", (fields) => say({ type: "JOIN_CLASS", class_id: fields["class"] ?? "" }));
}

/**
 * What a session was told, in words; what is not of the protocol is a message to its class.
 *
 * @param {string} text
 */
function told(text) {
  /** @type {import("./client/messages.js").SessionServerMessage} */
  let said;
  try {
    said = JSON.parse(text);
  } catch {
    return text;
  }
  switch (said?.type) {
    case "SESSION_RESTORED":
      return `restored: ${JSON.stringify(said.payload)}`;
    case "INTERRUPTION_ACKNOWLEDGED":
      return "the question was taken";
    case "INTERRUPTION_RESPONSE":
      return `answer: ${said.payload.response}`;
    case "ERROR":
      return `${said.code}: ${said.detail}`;
    default:
      return text;
  }
}

class Panel {
  #panel;
  #log;

  /** @param {string} selector */
  constructor(selector) {
    this.#panel = find(selector, HTMLElement);
    this.#log = find(".log", HTMLElement, this.#panel);
  }

  /**
   * @param {string} name
   * @param {(fields: Record<string, string>) => void} act
   */
  on(name, act) {
    onSubmit(find(`form[data-for="${name}"]`, HTMLFormElement, this.#panel), act);
  }

  enable() {
    for (const button of this.#panel.querySelectorAll("button")) button.disabled = false;
  }

  /** @param {string} text */
  show(text) {
    this.#add(text, "heard");
  }

  /** @param {string} text */
  note(text) {
    this.#add(text, "said");
  }

  /**
   * @param {string} text
   * @param {string} kind
   */
  #add(text, kind) {
    this.#log.append(make("p", kind, text));
    while (this.#log.childElementCount > MOST_LINES) this.#log.firstElementChild?.remove();
    this.#log.scrollTop = this.#log.scrollHeight;
  }
}
