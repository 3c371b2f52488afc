// What several panels share: bars, names with suggestions, progress, code, the photo and its square.

import { arrows, button, drag, make, percent, slider } from "./dom.js";
import { packed } from "./machine.js";
import { photos } from "./photo.js";

/** @type {string[]} */
export const names = packed.network.categories;

/** Names as they are offered: with their number where two categories share one. */
const offered = names.map((name, i) => (names.indexOf(name) === names.lastIndexOf(name) ? name : `${name} (${i})`));

/** A name as Python's `network.index` takes it. @param {number} category */
export const pythonName = (category) => (offered[category] === names[category] ? JSON.stringify(names[category]) : String(category));

/** @param {ArrayLike<number>} shares @param {number} count @returns {number[]} the likeliest categories */
export const likeliest = (shares, count) =>
  Array.from(shares, (_, i) => i).sort((a, b) => shares[b] - shares[a]).slice(0, count);

/** The likeliest categories as bars. @param {number} [count] @returns {{element: HTMLElement, show: (shares: ArrayLike<number>, highlight?: number) => void}} */
export function answerBars(count = 5) {
  const element = make("ol", { className: "lab-bars", "aria-label": "what the network says" });
  const show = (/** @type {ArrayLike<number>} */ shares, highlight = -1) => {
    const lines = likeliest(shares, count).map((category) => {
      const bar = make("i");
      bar.style.width = `${Math.max(0.5, 100 * shares[category])}%`;
      const words = make("span", {}, offered[category], make("b", { textContent: percent(shares[category]) }));
      return make("li", { className: category === highlight ? "wanted" : "" }, words, bar);
    });
    element.replaceChildren(...lines);
  };
  return { element, show };
}

let lists = 0;

/**
 * A field for one of the thousand names, with suggestions.
 * @param {string} text
 * @param {string} value
 * @returns {{element: HTMLElement, get: () => number, input: HTMLInputElement}} get throws an error that says what to do
 */
export function categoryField(text, value) {
  const id = `lab-names-${++lists}`, list = make("datalist", { id });
  const input = make("input", { type: "text", value, autocomplete: "off", spellcheck: false });
  input.setAttribute("list", id);
  input.addEventListener("focus", () => {
    if (!list.children.length) list.append(...offered.map((name) => make("option", { value: name })));
    input.select();
  });
  const get = () => {
    const wanted = input.value.trim().toLowerCase();
    const exact = offered.findIndex((name) => name.toLowerCase() === wanted);
    if (exact >= 0) return exact;
    const near = offered.filter((name) => wanted && name.toLowerCase().includes(wanted));
    if (near.length === 1) {
      input.value = near[0];
      return offered.indexOf(near[0]);
    }
    const hint = near.length ? `did you mean ${near.slice(0, 3).join(", ")}?` : "choose one from the list.";
    throw new Error(`The network has no category “${input.value.trim()}”: ${hint}`);
  };
  return { element: make("label", { className: "lab-field" }, make("span", { textContent: text }), input, list), get, input };
}

/** A line that tells what goes on, a bar, and what went wrong; screen readers hear the quarters, not each step. */
export function progress() {
  const bar = make("progress", { max: 1, value: 0, hidden: true, "aria-label": "done" }), now = make("p", { className: "lab-words", "aria-hidden": "true" });
  const heard = make("p", { className: "lab-words", role: "status" }), wrong = make("p", { className: "lab-wrong", role: "alert" });
  let quarter = 0;
  /** @param {boolean} busy @param {string} text */
  const turn = (busy, text) => {
    bar.hidden = !busy;
    heard.className = busy ? "lab-heard" : "lab-words";
    now.textContent = busy ? text : "";
    if (!busy) heard.textContent = text;
  };
  return {
    element: make("div", { className: "lab-progress" }, bar, now, heard, wrong),
    /** @param {number} step @param {number} of @param {string} text */
    step(step, of, text) {
      turn(true, text);
      wrong.textContent = "";
      bar.value = step / of;
      const next = Math.floor((4 * step) / of);
      if (next !== quarter && step < of) heard.textContent = next ? `${next * 25} percent done` : "";
      quarter = next;
    },
    /** @param {string} text */
    say(text) {
      turn(false, text);
      wrong.textContent = "";
    },
    /** @param {unknown} error */
    fail(error) {
      turn(false, "");
      wrong.textContent = error instanceof Error ? error.message : String(error);
    },
  };
}

/** Copy text, and say so on the button. @param {HTMLButtonElement} from @param {string} text */
export async function copy(from, text) {
  const words = from.textContent;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = make("textarea", { value: text, className: "lab-away" }); // a page from a file may have no clipboard
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  from.textContent = "Copied";
  setTimeout(() => (from.textContent = words), 1500);
}

/** The same in Python, folded. @param {() => string} lines @returns {HTMLElement} */
export function python(lines) {
  const code = make("code"), copier = button("Copy", () => copy(copier, code.textContent));
  const details = make("details", { className: "lab-python hide" }, make("summary", { textContent: "The same in Python" }), make("pre", {}, code), copier);
  details.addEventListener("toggle", () => (code.textContent = lines()));
  details.refresh = () => details.open && (code.textContent = lines());
  return details;
}

/** A canvas with words for those who do not see it. @param {string} label @param {number} [side] @returns {HTMLCanvasElement} */
export const picture = (label, side = 224) => make("canvas", { width: side, height: side, role: "img", "aria-label": label, className: "lab-picture" });

/** What a photo is called in words. */
export const photoName = () => (photos.sample ? `the sample “${photos.sample}”` : `“${photos.name}”`);

/** The photo with the square that the network sees: to be dragged, or moved by arrow keys. */
export function squareChooser() {
  const shown = make("canvas", { role: "img" }), frame = make("div", { className: "lab-frame" });
  const stage = make("div", { className: "lab-chooser", tabIndex: 0 }, shown, frame);
  stage.setAttribute("role", "group");
  stage.setAttribute("aria-label", "The photo and the square that the network sees; arrow keys move the square");
  const closer = slider("Closer", { least: 0, most: 75, value: 0, words: (value) => (value ? `${value} %` : "no"), change: zoom });

  function zoom() {
    const { width, height } = /** @type {HTMLCanvasElement} */ (photos.drawn), { left, top, side } = photos.square;
    const next = Math.round(Math.min(width, height) * (1 - closer.get() / 100));
    photos.look({ left: left + (side - next) / 2, top: top + (side - next) / 2, side: next });
  }
  let [grabX, grabY] = [0, 0];
  drag(stage, (x, y, first) => {
    const { width, height } = /** @type {HTMLCanvasElement} */ (photos.drawn), { left, top, side } = photos.square;
    const [column, row] = [x * width, y * height];
    if (first) {
      const inside = column >= left && column < left + side && row >= top && row < top + side;
      [grabX, grabY] = inside ? [column - left, row - top] : [side / 2, side / 2];
    }
    photos.look({ left: column - grabX, top: row - grabY, side });
  });
  arrows(stage, (right, down) => {
    const { left, top, side } = photos.square, by = Math.max(1, Math.round(side / 16));
    photos.look({ left: left + right * by, top: top + down * by, side });
  });

  const place = () => {
    const { width, height } = /** @type {HTMLCanvasElement} */ (photos.drawn), { left, top, side } = photos.square;
    Object.assign(frame.style, { left: `${(100 * left) / width}%`, top: `${(100 * top) / height}%`, width: `${(100 * side) / width}%`, height: `${(100 * side) / height}%` });
  };
  const draw = () => {
    const drawn = /** @type {HTMLCanvasElement} */ (photos.drawn);
    [shown.width, shown.height] = [drawn.width, drawn.height];
    shown.getContext("2d").drawImage(drawn, 0, 0);
    shown.setAttribute("aria-label", `the photo: ${photoName()}`);
    closer.set(0);
    place();
  };
  photos.addEventListener("photo", draw);
  photos.addEventListener("square", place);
  const words = make("p", { className: "lab-words", textContent: "The network sees the bright square. Drag it, or go closer." });
  return { element: stage, closer: make("div", {}, words, closer.element), draw };
}
