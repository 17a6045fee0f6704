// Finding and making elements. Refuses to know what they mean.

/**
 * Finds the one element that a selector names.
 *
 * @template {Element} T
 * @param {string} selector
 * @param {new () => T} type
 * @param {ParentNode} within
 * @returns {T}
 */
export function find(selector, type, within = document) {
  const found = within.querySelector(selector);
  if (!(found instanceof type)) throw new TypeError(`the page has no ${type.name} at ${selector}`);
  return found;
}

/**
 * Makes an element with a class and a text. Text is never read as HTML.
 *
 * @param {string} tag
 * @param {string} className
 * @param {string} text
 * @returns {HTMLElement}
 */
export function make(tag, className = "", text = "") {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.textContent = text;
  return made;
}

/**
 * Makes an SVG element with attributes.
 *
 * @param {string} tag
 * @param {Record<string, string | number>} attributes
 * @returns {SVGElement}
 */
export function draw(tag, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, String(value));
  return made;
}

/**
 * Calls `act` when a form is sent, with its fields by their names.
 *
 * @param {HTMLFormElement} form
 * @param {(fields: Record<string, string>) => void} act
 */
export function onSubmit(form, act) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    act(Object.fromEntries([...new FormData(form)].map(([name, value]) => [name, String(value)])));
  });
}

/**
 * Says something to a screen reader, once.
 *
 * @param {string} text
 */
export function announce(text) {
  find("#announcer", HTMLElement).textContent = text;
}
