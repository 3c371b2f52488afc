// Dream: whatever a layer, a channel or a category finds in the photo, more of it, step by step before the reader.

import { button, choice, drag, make, percent, saveAs, slider } from "./dom.js";
import { machine, packed } from "./machine.js";
import { animated, FRAMES } from "./film.js";
import { canvas, paint, photos } from "./photo.js";
import { DRAWS } from "./see.js";
import { categoryField, names, progress, python, pythonName } from "./widgets.js";
import { fittingOctaves, toBytes } from "../pictures.js";

/** @typedef {import("../pictures.js").Picture} Picture */

const BLOCKS = /** @type {{block?: string, outputs: number}[]} */ (packed.network.operations).filter(({ block }) => block);
const SIZES = [224, 320, 448, 600]; // pixels, the longer side
const NATURAL = { color: 0.6, seed: 0 };

/** @param {DOMStringMap} given layer or category to begin with */
export function dreamPanel({ layer = "blocks.4.2", category: named }) {
  const shown = make("canvas", { className: "lab-picture", role: "img" }), brushed = make("canvas", { className: "lab-brushed", "aria-hidden": "true" });
  const stage = make("div", { className: "lab-stage" }, shown, brushed), told = progress();
  /** How many sizes are dreamed at: a narrow picture does not take all that are asked for. @param {number} asked */
  const fit = (asked) => (photos.drawn ? fittingOctaves(shown.height, shown.width, asked) : asked);
  const layers = BLOCKS.map(({ block }) => /** @type {[string, string]} */ ([String(block), `${block}${DRAWS[String(block)] ? `: ${DRAWS[String(block)]}` : ""}`]));
  const what = choice("More of", [...layers, ["category", "one category…"]], named ? "category" : layer, () => arrange());
  what.element.classList.add("lab-wide");
  const channel = make("input", { type: "number", min: 0, placeholder: "all" });
  const channelField = make("label", { className: "lab-field" }, make("span", { textContent: "Channel" }), channel);
  const target = categoryField("Category", named ?? "Samoyed");
  const strength = slider("Strength", { least: 2, most: 40, value: 15, words: (value) => String(value / 1000), change: () => code.refresh() });
  const octaves = slider("Sizes (octaves)", { least: 1, most: 6, value: 4, words: (value) => (fit(value) < value ? `${fit(value)} fit` : String(value)), change: () => code.refresh() });
  const steps = slider("Steps at each", { least: 5, most: 60, step: 5, value: 20, change: () => code.refresh() });
  const size = choice("Longer side", SIZES.map((side) => [String(side), `${side} pixels`]), matchMedia("(max-width: 600px)").matches ? "224" : "320", () => reset());
  const run = button("Dream", () => start(reached ?? photo()), "lab-main"), hold = button("Pause", () => pause()), stop = button("Stop", () => job?.stop());
  const again = button("Start over", () => reset()), compare = button("Show the photo", () => toggle());
  const where = choice("Where", [["all", "everywhere"], ["upper", "upper half"], ["lower", "lower half"], ["brush", "where I paint"]], "all", () => region());
  const width = slider("Brush", { least: 4, most: 40, value: 14, words: (value) => `${value} % wide` });
  const savePng = button("Save PNG", () => shown.toBlob((/** @type {Blob | null} */ blob) => blob && saveAs(blob, "dream.png"), "image/png"));
  const saveFilm = button("Save the making", () => film());
  /** @type {import("./machine.js").Job | null} */
  let job = null;
  let paused = false, comparing = false, marked = false, changed = 0;
  /** @type {Picture | null} what the last dream came to */
  let reached = null;
  /** @type {Promise<Blob | null>[]} */
  let frames = [];

  const photo = () => photos.whole(Number(size.get()));
  const isCategory = () => what.get() === "category";

  function arrange() {
    /** @type {HTMLElement} */ (target.element).hidden = !isCategory();
    channelField.hidden = isCategory();
    const { outputs } = BLOCKS.find(({ block }) => block === what.get()) ?? { outputs: 1 };
    channel.max = outputs - 1;
    if (Number(channel.value) >= outputs) channel.value = "";
    strength.set(isCategory() ? 7 : 15);
    octaves.set(isCategory() ? 3 : 4);
    steps.set(isCategory() ? 40 : 20);
    code.refresh();
  }

  function ready() {
    run.disabled = Boolean(job);
    run.textContent = reached ? "Dream on from here" : "Dream";
    stop.disabled = hold.disabled = !job;
    hold.textContent = paused ? "Go on" : "Pause";
    again.disabled = Boolean(job) || !reached;
    compare.disabled = !reached;
    compare.textContent = comparing ? "Show the dream" : "Show the photo";
    compare.setAttribute("aria-pressed", String(comparing));
    savePng.disabled = saveFilm.disabled = Boolean(job) || !reached;
    const painting = where.get() === "brush" && !job;
    stage.classList.toggle("brushing", marked && !job);
    stage.classList.toggle("painting", painting);
    /** @type {HTMLElement} */ (width.element).hidden = !painting;
  }

  /** @param {Picture} picture */
  function draw(picture) {
    paint(shown, toBytes(picture.pixels), picture.width, picture.height);
    shown.setAttribute("aria-label", reached ? "the dream" : "the photo, before the dream");
  }

  function reset() {
    job?.stop();
    changed++;
    [reached, comparing, frames] = [null, false, []];
    const given = photo();
    [shown.width, shown.height] = [given.width, given.height];
    stage.style.maxWidth = `calc(80vh * ${given.width / given.height})`;
    octaves.set(octaves.get()); // and say how many fit
    region();
    draw(given);
    told.say("");
    ready();
    code.refresh();
  }

  /** Begin a region anew. */
  function region() {
    marked = where.get() !== "all";
    [brushed.width, brushed.height] = [shown.width, shown.height];
    const context = /** @type {CanvasRenderingContext2D} */ (brushed.getContext("2d")), half = shown.height / 2;
    context.fillStyle = "#e69f00";
    if (where.get() === "upper") context.fillRect(0, 0, shown.width, half);
    if (where.get() === "lower") context.fillRect(0, half, shown.width, half);
    if (where.get() === "brush") told.say("Paint where it may dream; the rest stays as it is.");
    ready();
    code.refresh();
  }

  /** The region that may dream, (height, width) from 0 to 1. @param {Picture} given */
  function mask(given) {
    if (where.get() === "all") return undefined;
    const [, context] = canvas(given.width, given.height);
    context.filter = `blur(${Math.round(given.width / 60)}px)`;
    context.drawImage(brushed, 0, 0, given.width, given.height);
    const { data } = context.getImageData(0, 0, given.width, given.height);
    const plane = Float32Array.from({ length: given.width * given.height }, (_, i) => Math.min(1, data[4 * i + 3] / 128));
    if (!plane.some(Boolean)) throw new Error("Nothing is painted yet: paint where it may dream, or let it dream everywhere.");
    return plane;
  }

  function wanted() {
    if (isCategory()) return { category: target.get() };
    const one = channel.value === "" ? null : Number(channel.value), most = Number(channel.max);
    if (one !== null && !(Number.isInteger(one) && one >= 0 && one <= most)) throw new Error(`${what.get()} has channels 0 to ${most}.`);
    return { layer: what.get(), channel: one };
  }

  /** @param {Picture} given */
  async function start(given) {
    if (job) return;
    const mine = changed;
    try {
      const goal = wanted(), category = isCategory();
      const settings = { ...NATURAL, octaves: fit(octaves.get()), steps: steps.get(), size: strength.get() / 1000, blur: category ? 1 : 0.5, jitter: category ? 24 : 16, mask: mask(given) };
      const every = Math.ceil((settings.octaves * settings.steps) / FRAMES);
      comparing = marked = false; // the marked region would lie over its dream
      job = machine.ask("dream", { picture: given, wanted: goal, settings }, ({ step, of, score, bytes, height, width: wide }) => {
        if (mine !== changed) return;
        if (!comparing) paint(shown, bytes, wide, height);
        told.step(step, of, `step ${step} of ${of}, at ${wide} × ${height}: ${category ? `${names[target.get()]} ${percent(Math.exp(score))}` : `excitement ${score.toPrecision(3)}`}`);
        if (step % every === 0 && !comparing) frames.push(new Promise((done) => shown.toBlob(done, "image/webp", 0.8)));
      });
      paused = false;
      ready();
      const result = await job.promise;
      if (mine !== changed) return;
      reached = result;
      draw(result);
      const fewer = settings.octaves < octaves.get() ? `, at ${settings.octaves} of ${octaves.get()} sizes: smaller ones would be too small` : "";
      told.say(`There it is${fewer}. Dream on from here, perhaps at another layer, or start over.`);
    } catch (error) {
      if (mine === changed) told.fail(error);
    } finally {
      job = null;
      paused = false;
      ready();
    }
  }

  function pause() {
    paused = !paused;
    if (paused) job?.pause();
    else job?.go();
    ready();
  }

  function toggle() {
    comparing = !comparing;
    draw(comparing || !reached ? photo() : reached);
    ready();
  }

  async function film() {
    try {
      const still = frames.concat(new Promise((done) => shown.toBlob(done, "image/webp", 0.8)));
      saveAs(await animated(await Promise.all(still), shown.width, shown.height), "dream-making.webp");
    } catch (error) {
      told.fail(error);
    }
  }

  drag(stage, (x, y, first) => {
    if (where.get() !== "brush" || job) return;
    if (!marked) {
      marked = true;
      ready();
    }
    const context = /** @type {CanvasRenderingContext2D} */ (brushed.getContext("2d"));
    context.strokeStyle = "#e69f00";
    context.lineCap = context.lineJoin = "round";
    context.lineWidth = (width.get() / 100) * brushed.width;
    const [column, row] = [x * brushed.width, y * brushed.height];
    if (first) {
      context.beginPath();
      context.moveTo(column, row - 0.01); // so that a touch alone leaves a dot
    }
    context.lineTo(column, row);
    context.stroke();
  });

  const code = /** @type {any} */ (python(() => {
    const head = ["from helpers import dreams, images, networks", "", "network = networks.load()", photos.python(Number(size.get()))];
    const settings = `octaves=${fit(octaves.get())}, steps=${steps.get()}`, by = strength.get() / 1000;
    const rule = `rule=dreams.natural_steps(${by}, color=0.6, blur=${isCategory() ? "1.0" : "0.5"})`;
    const climb = (/** @type {number} */ jitter) => [`settings = {"octaves": ${fit(octaves.get())}, "octave_scale": 1.4, "steps": ${steps.get()}, "jitter": ${jitter}, "seed": 0}`, `dream = dreams.climb_octaves(photo, objective, ${rule}, **settings)`];
    let middle = [`dream = dreams.deep_dream(network, photo, "${what.get()}", ${settings}, step_size=${by})`];
    if (isCategory()) {
      let category = '"…"';
      try {
        category = pythonName(target.get());
      } catch { /* as long as the name is being typed */ }
      middle = [`category = network.index(${category})`, "objective = lambda x: network(x).log_softmax(dim=1)[:, category]", ...climb(24)];
    } else if (channel.value !== "") {
      middle = [`objective = lambda x: network.features(x, "${what.get()}")["${what.get()}"][:, ${channel.value}].mean(dim=(1, 2))`, ...climb(16)];
    }
    if (where.get() !== "all") middle.push("# (that only a part may dream is a thing of the page alone)");
    return [...head, ...middle, 'images.save(dream, "dream.png")'].join("\n");
  }));
  for (const input of [channel, target.input]) input.addEventListener("change", () => code.refresh());
  photos.addEventListener("photo", reset);
  const element = make("div", {},
    make("div", { className: "lab-controls" }, what.element, channelField, target.element, strength.element, octaves.element, steps.element, size.element, where.element, width.element),
    make("div", { className: "lab-buttons" }, run, hold, stop, again, compare),
    told.element, stage,
    make("div", { className: "lab-buttons" }, savePng, saveFilm), code);
  arrange();
  if (photos.drawn) reset();
  return element;
}
