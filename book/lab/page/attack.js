// Attack: the smallest change that leads the network astray, made before the reader's eyes, and what becomes of it.

import { button, choice, levels, make, percent, saveAs, slider } from "./dom.js";
import { machine } from "./machine.js";
import { canvas, paint, photos, SIDE } from "./photo.js";
import { onView, view } from "./see.js";
import { answerBars, categoryField, likeliest, names, picture, progress, python, pythonName } from "./widgets.js";
import { toBytes, toPixels } from "../pictures.js";

/** @typedef {import("../pictures.js").Picture} Picture */

const EPSILONS = [0.25, 0.5, 1, 1.5, 2, 3, 4, 6, 8, 12, 16]; // gray levels

/** A trip through a JPEG file. @param {Picture} given @param {number} quality from 0 to 1 @returns {Promise<Picture>} */
async function jpeg({ pixels, height, width }, quality) {
  const [drawn, context] = canvas(width, height);
  paint(drawn, toBytes(pixels), width, height);
  const blob = await new Promise((done) => drawn.toBlob(done, "image/jpeg", quality));
  const bitmap = await createImageBitmap(/** @type {Blob} */ (blob));
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return { pixels: toPixels(context.getImageData(0, 0, width, height).data), height, width };
}

/** A part of a picture. @param {Picture} given @param {number} by pixels that are cut off on each side @returns {Picture} */
function cropped({ pixels, width }, by) {
  const side = width - 2 * by, part = new Float32Array(side * side * 3);
  for (let row = 0; row < side; row++) part.set(pixels.subarray(((row + by) * width + by) * 3, ((row + by) * width + by + side) * 3), row * side * 3);
  return { pixels: part, height: side, width: side };
}

/** Moved to the right by one pixel, what leaves comes in again. @param {Picture} given @returns {Picture} */
function shifted({ pixels, height, width }) {
  const moved = pixels.slice();
  for (let row = 0; row < height; row++) {
    moved.copyWithin((row * width + 1) * 3, row * width * 3, ((row + 1) * width - 1) * 3);
    moved.set(pixels.subarray(((row + 1) * width - 1) * 3, (row + 1) * width * 3), row * width * 3);
  }
  return { pixels: moved, height, width };
}

/** What a picture may meet on its way. @type {[string, (given: Picture) => Promise<Picture> | Picture][]} */
const TREATMENTS = [
  ["as made", (given) => given],
  ["8 bits a color, as in a file", (given) => ({ ...given, pixels: toPixels(toBytes(given.pixels)) })],
  ["JPEG, quality 95", (given) => jpeg(given, 0.95)],
  ["JPEG, quality 75", (given) => jpeg(given, 0.75)],
  ["shifted by one pixel", shifted],
  ["cropped by 12 pixels a side", (given) => cropped(given, 12)],
];

/** @param {DOMStringMap} given category to begin with */
export function attackPanel({ category: named = "remote control" }) {
  const [before, after, difference] = [picture("the square before the attack"), picture("the square after the attack"), picture("what was added, amplified")];
  const bars = [answerBars(3), answerBars(3)], told = progress();
  const title = make("figcaption", { textContent: "what was added" });
  const way = choice("Lead it", [["toward", "toward a name"], ["away", "away from its answer"]], "toward", () => arrange());
  const target = categoryField("Name", named);
  const epsilon = slider("Gray levels", { least: 0, most: EPSILONS.length - 1, value: 4, words: (i) => `${EPSILONS[i]} of 255`, change: () => code.refresh() });
  const steps = choice("Steps", [["5", "5"], ["10", "10"], ["20", "20"], ["40", "40"]], "10", () => code.refresh());
  const run = button("Attack", () => start(attack), "lab-main"), stop = button("Stop", () => job?.stop());
  const least = button("Least change that does it", () => start(findLeast)), survive = button("Does it survive?", () => start(survival));
  const keep = button("Save PNG", () => savePicture()), reuse = button("Take it as the photo", () => takeIt());
  const table = make("table", { className: "lab-table", hidden: true });
  /** @type {import("./machine.js").Job | null} */
  let job = null;
  /** @type {{picture: Picture, category: number, toward: boolean, done: boolean} | null} */
  let made = null;

  const toward = () => way.get() === "toward";
  function wanted() {
    const category = toward() ? target.get() : view.best;
    if (toward() && category === view.best) throw new Error(`“${names[category]}” is what the network says already: choose another name.`);
    return category;
  }

  function arrange() {
    /** @type {HTMLElement} */ (target.element).hidden = !toward();
    code.refresh();
  }

  function ready() {
    for (const one of [run, least]) one.disabled = Boolean(job) || !view.now;
    for (const one of [keep, reuse]) one.disabled = Boolean(job) || !made;
    survive.disabled = Boolean(job) || !made?.done;
    stop.disabled = !job;
  }

  /** @param {() => Promise<void>} work */
  async function start(work) {
    if (job) return;
    const given = view.now;
    try {
      await work();
    } catch (error) {
      if (given === view.now) told.fail(error);
    } finally {
      job = null;
      ready();
    }
  }

  /** @param {Uint8ClampedArray} bytes @param {Float32Array} [pixels] exact ones, if there are */
  function show(bytes, pixels = toPixels(bytes)) {
    if (!view.now) return;
    const original = view.now.picture.pixels, added = new Float32Array(pixels.length);
    let most = 1e-6;
    pixels.forEach((value, i) => (most = Math.max(most, Math.abs((added[i] = value - original[i])))));
    paint(after, bytes, SIDE, SIDE);
    paint(difference, toBytes(added.map((value) => 0.5 + value / (2 * most))), SIDE, SIDE);
    title.textContent = `what was added, × ${Math.round(0.5 / most)}`;
  }

  async function attack() {
    const category = wanted(), settings = { category, toward: toward(), epsilon: EPSILONS[epsilon.get()] / 255, steps: Number(steps.get()) };
    const { picture: original } = /** @type {any} */ (view.now);
    job = machine.ask("attack", { picture: original, settings }, ({ step, of, score, bytes }) => {
      show(bytes);
      told.step(step, of, `step ${step} of ${of}: ${names[category]} had ${percent(Math.exp(settings.toward ? score : -score))}`);
    });
    ready();
    const given = view.now, { picture: result, shares } = await job.promise;
    if (given !== view.now) return; // another photo has come
    const best = likeliest(shares, 1)[0], done = (best === category) === settings.toward;
    made = { picture: result, category, toward: settings.toward, done };
    show(toBytes(result.pixels), result.pixels);
    bars[1].show(shares, category);
    told.say(done ? `Done: the network says ${names[best]}, ${percent(shares[best])}. ${SAME}` : `Not yet: ${names[best]} is still ahead. Allow more gray levels, or more steps.`);
    table.hidden = true;
  }

  async function findLeast() {
    const category = wanted(), settings = { category, toward: toward(), most: 8 / 255, halvings: 6, steps: 10 };
    job = machine.ask("least", { picture: view.now?.picture, settings }, ({ step, of, epsilon: tried }) =>
      told.step(step, of, `trying ${levels(tried)} gray levels`));
    ready();
    const given = view.now, { epsilon: found, picture: result } = await job.promise;
    if (given !== view.now) return;
    if (result) {
      const { shares } = await machine.get("look", { picture: result });
      made = { picture: result, category, toward: settings.toward, done: true };
      show(toBytes(result.pixels), result.pixels);
      bars[1].show(shares, category);
    }
    const words = Number.isNaN(found) ? "Stopped before anything was known." : found === Infinity ? "Eight gray levels are not enough for ten steps." : `${levels(found)} gray levels are enough, found by halving; a stronger attack may need less.`;
    told.say(words);
  }

  async function survival() {
    const { picture: result, category, toward: to } = /** @type {any} */ (made), given = view.now;
    const rows = [];
    for (const [name, treat] of TREATMENTS) {
      told.step(rows.length, TREATMENTS.length, name);
      const { shares } = await machine.get("look", { picture: await treat(result) });
      const best = likeliest(shares, 1)[0], fooled = (best === category) === to;
      rows.push(make("tr", { className: fooled ? "yes" : "no" }, make("th", { scope: "row", textContent: name }), make("td", { textContent: `${names[best]}, ${percent(shares[best])}` }), make("td", { textContent: fooled ? "✓ still fooled" : "✗ no longer" })));
    }
    if (given !== view.now) return;
    table.replaceChildren(make("caption", { textContent: "What is left of it after an everyday treatment" }), make("tbody", {}, ...rows));
    table.hidden = false;
    told.say(`Of ${TREATMENTS.length - 1} treatments it survives ${rows.slice(1).filter((row) => row.className === "yes").length}.`);
  }

  function savePicture() {
    after.toBlob((/** @type {Blob | null} */ blob) => blob && saveAs(blob, "attacked.png"), "image/png");
  }

  function takeIt() {
    const [drawn] = canvas(SIDE, SIDE);
    paint(drawn, toBytes(/** @type {any} */ (made).picture.pixels), SIDE, SIDE);
    photos.put(drawn, "attacked.png");
  }

  const code = /** @type {any} */ (python(() => {
    let label = '"…"';
    try {
      label = pythonName(toward() ? target.get() : view.best);
    } catch { /* as long as the name is being typed */ }
    const settings = `epsilon=${EPSILONS[epsilon.get()]} / 255, steps=${steps.get()}${toward() ? ", targeted=True" : ""}`;
    return ["from helpers import illusions, images, networks", "", "network = networks.load()", photos.pythonView(), `attacked = illusions.pgd(network, view, ${label}, ${settings})`, "print(network.top(attacked)[0])", 'images.save(attacked, "attacked.png")'].join("\n");
  }));
  target.input.addEventListener("change", () => code.refresh());
  const figure = (/** @type {Node} */ shown, /** @type {Node} */ caption, /** @type {Node[]} */ ...more) => make("figure", {}, shown, caption, ...more);
  const element = make("div", {},
    make("div", { className: "lab-controls" }, way.element, target.element, epsilon.element, steps.element),
    make("div", { className: "lab-buttons" }, run, least, stop),
    told.element,
    make("div", { className: "lab-three" },
      figure(before, make("figcaption", { textContent: "the square" }), bars[0].element),
      figure(after, make("figcaption", { textContent: "after the attack" }), bars[1].element),
      figure(difference, title)),
    make("div", { className: "lab-buttons" }, survive, keep, reuse),
    table, code);
  arrange();
  ready();
  onView(() => {
    if (!view.now) return;
    const bytes = toBytes(view.now.picture.pixels);
    paint(before, bytes, SIDE, SIDE);
    bars[0].show(view.now.shares, view.best);
    paint(after, bytes, SIDE, SIDE);
    paint(difference, toBytes(new Float32Array(view.now.picture.pixels.length).fill(0.5)), SIDE, SIDE);
    title.textContent = "what was added";
    bars[1].element.replaceChildren();
    made = null;
    table.hidden = true;
    told.say("");
    job?.stop();
    ready();
    code.refresh();
  });
  return element;
}

const SAME = "To you it should look the same.";
