// Elements in one line, and how numbers are written.

/**
 * @param {string} tag
 * @param {{[name: string]: any}} [settings] properties, or else attributes
 * @param {...(Node | string)} children
 * @returns {any}
 */
export function make(tag, settings = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(settings)) {
    if (name in element) /** @type {any} */ (element)[name] = value;
    else element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** @param {string} text @param {() => void} act @param {string} [className] @returns {HTMLButtonElement} */
export const button = (text, act, className = "") => make("button", { type: "button", textContent: text, onclick: act, className });

/** @param {string} text @param {Node} control @param {...Node} more @returns {HTMLLabelElement} */
export const labeled = (text, control, ...more) => make("label", { className: "lab-field" }, make("span", { textContent: text }), control, ...more);

/**
 * A slider that says its value.
 * @param {string} text
 * @param {{least: number, most: number, step?: number, value: number, words?: (value: number) => string, change?: (value: number) => void}} settings
 * @returns {{element: HTMLElement, get: () => number, set: (value: number) => void}}
 */
export function slider(text, { least, most, step = 1, value, words = String, change = () => {} }) {
  const input = make("input", { type: "range", min: least, max: most, step, value }), output = make("output");
  const say = () => {
    output.textContent = words(Number(input.value));
    input.setAttribute("aria-valuetext", output.textContent);
  };
  input.addEventListener("input", () => {
    say();
    change(Number(input.value));
  });
  say();
  const set = (/** @type {number} */ next) => {
    input.value = next;
    say();
  };
  return { element: labeled(text, input, output), get: () => Number(input.value), set };
}

/**
 * A choice from a list.
 * @param {string} text
 * @param {[string, string][]} options value and words
 * @param {string} value
 * @param {(value: string) => void} [change]
 * @returns {{element: HTMLElement, get: () => string, set: (value: string) => void}}
 */
export function choice(text, options, value, change = () => {}) {
  const select = make("select", {}, ...options.map(([key, words]) => make("option", { value: key, textContent: words })));
  select.value = value;
  select.addEventListener("change", () => change(select.value));
  return { element: labeled(text, select), get: () => select.value, set: (next) => (select.value = next) };
}

/** A probability as the book's figures write it. @param {number} p */
export const percent = (p) => (p > 0 && p < 0.01 ? "under 1\u00a0%" : p < 1 && p > 0.99 ? "over 99\u00a0%" : `${Math.round(100 * p)}\u00a0%`);

/** Gray levels. @param {number} epsilon in units of the pixels */
export const levels = (epsilon) => String(Number((255 * epsilon).toFixed(2)));

/** Follow mouse or finger across an element: x and y from 0 to 1. @param {HTMLElement} element @param {(x: number, y: number, first: boolean) => void} follow */
export function drag(element, follow) {
  const at = (/** @type {PointerEvent} */ event, /** @type {boolean} */ first) => {
    const box = element.getBoundingClientRect();
    follow((event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height, first);
  };
  element.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    element.setPointerCapture(event.pointerId);
    at(event, true);
  });
  element.addEventListener("pointermove", (event) => {
    if (event.buttons) at(event, false);
  });
}

/** Arrow keys on an element. @param {HTMLElement} element @param {(right: number, down: number) => void} move */
export function arrows(element, move) {
  element.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!step) return;
    event.preventDefault();
    move(step[0], step[1]);
  });
}

/** Do the latest of many wishes, one at a time. @template T @param {(wish: T) => Promise<void>} act @returns {(wish: T) => Promise<void>} */
export function latest(act) {
  /** @type {T | undefined} */
  let waiting;
  let busy = false;
  return async (wish) => {
    waiting = wish;
    if (busy) return;
    busy = true;
    try {
      while (waiting !== undefined) {
        const next = waiting;
        waiting = undefined;
        await act(next);
      }
    } finally {
      busy = false;
    }
  };
}

/** Offer bytes as a file. @param {Blob} blob @param {string} name */
export function saveAs(blob, name) {
  const url = URL.createObjectURL(blob), link = make("a", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
