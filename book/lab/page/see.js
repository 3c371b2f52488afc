// See: what the network says of the square, what a gray patch changes, and which places light up inside.

import { arrows, button, drag, latest, make, percent, slider } from "./dom.js";
import { machine } from "./machine.js";
import { paint, photos, SIDE } from "./photo.js";
import { answerBars, likeliest, names, picture, progress, python } from "./widgets.js";
import { toBytes } from "../pictures.js";

/** What the six layers that the book dreams at draw. @type {{[block: string]: string}} */
export const DRAWS = {
  "blocks.1.0": "strokes",
  "blocks.2.0": "strokes and hatching",
  "blocks.3.0": "ornaments",
  "blocks.4.0": "scales and eyes",
  "blocks.4.2": "fur and eyes",
  "blocks.5.1": "spotted hide",
};

const DARK = 0.15; // mean brightness, from 0 to 1, of a photo that shows nothing when it is darkened

/** The square as the network sees it, and what it says; kept until the square moves. */
class View extends EventTarget {
  /** @type {{picture: import("../pictures.js").Picture, shares: Float32Array} | null} */
  now = null;
  looking = false;
  #look = latest(async (/** @type {{seen: any}} */ { seen }) => {
    this.looking = true;
    try {
      this.now = await machine.get("look", { picture: seen, side: SIDE });
    } finally {
      this.looking = false;
    }
    this.dispatchEvent(new Event("view"));
  });
  constructor() {
    super();
    const look = () => this.look().catch((error) => this.dispatchEvent(new CustomEvent("failed", { detail: error })));
    photos.addEventListener("photo", look);
    photos.addEventListener("square", look);
  }
  /** @returns {Promise<void>} */
  look() {
    return this.#look({ seen: photos.seen() });
  }
  /** The likeliest category. */
  get best() {
    return this.now ? likeliest(this.now.shares, 1)[0] : -1;
  }
}

/** One for all laboratories of a page. */
export const view = new View();

/** A panel's parts that wait for a view do so by this. @param {() => void} draw */
export function onView(draw) {
  view.addEventListener("view", draw);
  if (view.now) draw();
}

export function seePanel() {
  const shown = picture("the square that the network sees"), light = make("canvas", { className: "lab-light", "aria-hidden": "true" });
  const patch = make("div", { className: "lab-patch", hidden: true });
  const stage = make("div", { className: "lab-stage", tabIndex: 0 }, shown, light, patch);
  stage.setAttribute("role", "group");
  const bars = answerBars(), told = progress();
  let tool = "patch", [across, down] = [0.5, 0.5];
  /** @type {any[]} */
  let lights = [];
  /** @type {number | null} */
  let channel = null;
  /** @type {[number, number] | null} */
  let clicked = null;

  const tools = [["patch", "Gray patch"], ["layers", "Layers as light"], ["answer", "Light on the answer"]].map(([key, words]) => {
    const chosen = button(words, () => use(key));
    chosen.dataset.tool = key;
    return chosen;
  });
  const size = slider("Patch", { least: 16, most: 128, step: 8, value: 56, words: (value) => `${value} pixels`, change: () => cover() });
  const remove = button("Take it away", () => uncover());
  remove.disabled = true;
  const depth = slider("Layer", { least: 0, most: 15, value: 10, words: (value) => lights[value]?.block ?? "", change: () => layer() });
  const channels = make("div", { className: "lab-chips", role: "group", "aria-label": "channels" });
  const about = make("p", { className: "lab-words" });
  const panels = {
    patch: make("div", {}, make("p", { textContent: "Press on the photo to lay a gray patch there. Drag it, or move it by arrow keys, and watch the answer." }), size.element, make("div", { className: "lab-buttons" }, remove)),
    layers: make("div", {}, make("p", { textContent: "Bright is what excites the layer most. Click a place to see which pixels it looks at." }), depth.element, channels, about),
    answer: make("div", {}, make("p", { textContent: "Bright are the pixels on which the first answer depends most: the slope of its logit." })),
  };

  const ask = latest(async (/** @type {() => Promise<void>} */ work) => {
    try {
      await work();
    } catch (error) {
      told.fail(error);
    }
  });

  /** Darken what is not lit; on a photo too dark for that, lighten what is. @param {Float32Array} plane @param {number} high @param {number} wide */
  function shine(plane, high, wide) {
    [light.width, light.height] = [wide, high];
    const data = new ImageData(wide, high), pixels = view.now?.picture.pixels ?? plane;
    const dark = pixels.reduce((sum, value) => sum + value, 0) / pixels.length < DARK;
    if (dark) data.data.fill(255);
    plane.forEach((value, i) => (data.data[4 * i + 3] = dark ? 160 * Math.min(1, value) : 235 * (1 - Math.min(1, value)) ** 1.2));
    light.getContext("2d").putImageData(data, 0, 0);
    light.hidden = false;
  }

  function cover() {
    const part = size.get() / SIDE;
    patch.hidden = remove.disabled = false;
    Object.assign(patch.style, { width: `${100 * part}%`, height: `${100 * part}%`, left: `${100 * across - 50 * part}%`, top: `${100 * down - 50 * part}%` });
    ask(async () => {
      if (!view.now) return;
      const pixels = view.now.picture.pixels.slice(), half = size.get() / 2;
      const [left, right] = [across * SIDE - half, across * SIDE + half].map((x) => Math.round(Math.min(SIDE, Math.max(0, x))));
      const [top, bottom] = [down * SIDE - half, down * SIDE + half].map((y) => Math.round(Math.min(SIDE, Math.max(0, y))));
      for (let row = top; row < bottom; row++) pixels.fill(0.5, (row * SIDE + left) * 3, (row * SIDE + right) * 3);
      const { shares } = await machine.get("look", { picture: { pixels, height: SIDE, width: SIDE } });
      if (patch.hidden) return;
      bars.show(shares, view.best);
      told.say(`${names[view.best]}: ${percent(view.now.shares[view.best])} without the patch, ${percent(shares[view.best])} under it`);
    });
  }

  function uncover() {
    patch.hidden = remove.disabled = true;
    if (view.now) bars.show(view.now.shares, view.best);
    told.say("");
  }

  function layer() {
    const { block, high, wide, light: all, strongest, channels: count } = lights[depth.get()] ?? {};
    if (!block) return;
    const chips = [button("all together", () => pick(null)), ...strongest.map((/** @type {number} */ c) => button(`channel ${c}`, () => pick(c)))];
    chips.forEach((chip, i) => chip.setAttribute("aria-pressed", String(channel === (i ? strongest[i - 1] : null))));
    channels.replaceChildren(...chips);
    about.textContent = `${high} × ${wide} places, ${count} channels${DRAWS[block] ? `; it dreams of ${DRAWS[block]}` : ""}`;
    if (clicked) return place(...clicked);
    if (channel === null) return shine(all, high, wide);
    ask(async () => {
      const one = await machine.get("channel", { picture: view.now?.picture, block, channel });
      if (tool === "layers") shine(one.light, one.high, one.wide);
    });
  }

  function pick(/** @type {number | null} */ one) {
    [channel, clicked] = [one, null];
    layer();
  }

  function place(/** @type {number} */ x, /** @type {number} */ y) {
    clicked = [x, y];
    if (!lights.length) return; // they are on their way, and will come back to it
    const where = { block: lights[depth.get()].block, across: x, down: y, channel };
    ask(async () => {
      const plane = await machine.get("place", { picture: view.now?.picture, where });
      if (tool === "layers") shine(plane, SIDE, SIDE);
      told.say("The pixels that this place looks at. Choose a channel, or “all together”, for the whole layer.");
    });
  }

  function use(/** @type {string} */ next) {
    tool = next;
    clicked = null;
    tools.forEach((one) => one.setAttribute("aria-pressed", String(one.dataset.tool === tool)));
    for (const [key, panel] of Object.entries(panels)) panel.hidden = key !== tool;
    light.hidden = true;
    uncover();
    stage.setAttribute("aria-label", tool === "patch" ? "The square with a gray patch; arrow keys move it" : "The square under light; arrow keys and Enter choose a place");
    refresh();
  }

  function refresh() {
    if (!view.now) return;
    if (tool === "patch") return patch.hidden ? undefined : cover();
    ask(async () => {
      if (!view.now) return;
      if (tool === "answer") {
        const plane = await machine.get("answer", { picture: view.now.picture, category: view.best });
        if (tool === "answer") shine(plane, SIDE, SIDE);
        return told.say(`What “${names[view.best]}” depends on`);
      }
      lights = await machine.get("lights", { picture: view.now.picture });
      depth.set(depth.get());
      if (tool === "layers") layer();
    });
  }

  drag(stage, (x, y, first) => {
    [across, down] = [Math.min(1, Math.max(0, x)), Math.min(1, Math.max(0, y))];
    if (tool === "patch") cover();
    else if (tool === "layers" && first) place(across, down);
  });
  arrows(stage, (right, low) => {
    [across, down] = [Math.min(1, Math.max(0, across + right / 28)), Math.min(1, Math.max(0, down + low / 28))];
    if (tool === "patch") cover();
    else if (tool === "layers") place(across, down);
  });
  view.addEventListener("failed", (event) => told.fail(/** @type {CustomEvent} */ (event).detail));

  const code = /** @type {any} */ (python(() => ["from helpers import images, networks", "", "network = networks.load()", photos.pythonView(), "print(network.top(view)[0])", tool === "layers" ? `print(network.features(view, "${lights[depth.get()]?.block}")["${lights[depth.get()]?.block}"].shape)` : ""].join("\n").trim()));
  const element = make("div", { className: "lab-work" },
    make("div", {}, stage),
    make("div", { className: "lab-side" }, bars.element, make("div", { className: "lab-chips", role: "group", "aria-label": "tool" }, ...tools), ...Object.values(panels), told.element),
    code);
  use("patch");
  onView(() => {
    if (!view.now) return;
    paint(shown, toBytes(view.now.picture.pixels), SIDE, SIDE);
    shown.setAttribute("aria-label", `the square; the network says ${names[view.best]}, ${percent(view.now.shares[view.best])}`);
    clicked = null;
    if (patch.hidden) bars.show(view.now.shares, view.best);
    refresh();
    code.refresh();
  });
  return element;
}
