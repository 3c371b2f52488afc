// Class images: what the neuron of one category wants to see, drawn from noise.

import { button, choice, make, saveAs, slider } from "./dom.js";
import { machine } from "./machine.js";
import { paint } from "./photo.js";
import { answerBars, categoryField, likeliest, names, picture, progress, python, pythonName } from "./widgets.js";
import { toBytes } from "../pictures.js";

/** @param {DOMStringMap} given category to begin with */
export function neuronPanel({ category: named = "great white shark" }) {
  const shown = picture("the class image, not drawn yet", 128), bars = answerBars(), told = progress();
  const target = categoryField("Category", named);
  const side = choice("Side", [["64", "64 pixels"], ["128", "128 pixels"], ["256", "256 pixels, slow"]], "128", () => code.refresh());
  const steps = slider("Steps", { least: 20, most: 160, step: 20, value: 100, change: () => code.refresh() });
  const seed = slider("Seed", { least: 0, most: 20, value: 0, change: () => code.refresh() });
  const run = button("Draw", () => draw(), "lab-main"), stop = button("Stop", () => job?.stop());
  const keep = button("Save PNG", () => shown.toBlob((/** @type {Blob | null} */ blob) => blob && saveAs(blob, "class-image.png"), "image/png"));
  /** @type {import("./machine.js").Job | null} */
  let job = null;
  let drawn = false;

  function ready() {
    run.disabled = Boolean(job);
    stop.disabled = !job;
    keep.disabled = !drawn || Boolean(job);
  }

  async function draw() {
    if (job) return;
    try {
      const category = target.get(), settings = { category, side: Number(side.get()), steps: steps.get(), seed: seed.get() };
      [shown.width, shown.height] = [settings.side, settings.side];
      bars.element.replaceChildren();
      job = machine.ask("neuron", { settings }, ({ step, of, bytes, height, width }) => {
        paint(shown, bytes, width, height);
        told.step(step, of, `step ${step} of ${of}`);
      });
      drawn = true;
      ready();
      const { picture: result, shares } = await job.promise;
      paint(shown, toBytes(result.pixels), result.width, result.height);
      shown.setAttribute("aria-label", `a class image of ${names[category]}`);
      bars.show(shares, category);
      told.say(`Drawn for “${names[category]}”; the network that drew it says ${names[likeliest(shares, 1)[0]]}. Would you?`);
    } catch (error) {
      told.fail(error);
    } finally {
      job = null;
      ready();
    }
  }

  const code = /** @type {any} */ (python(() => {
    let category = '"…"';
    try {
      category = pythonName(target.get());
    } catch { /* as long as the name is being typed */ }
    return ["from helpers import dreams, images, networks", "", "network = networks.load()", `picture = dreams.visualize(network, ${category}, size=${side.get()}, steps=${steps.get()}, seed=${seed.get()})`, 'images.save(picture, "class-image.png")'].join("\n");
  }));
  target.input.addEventListener("change", () => code.refresh());
  const context = /** @type {CanvasRenderingContext2D} */ (shown.getContext("2d"));
  context.fillStyle = "#808080";
  context.fillRect(0, 0, 128, 128);
  ready();
  told.say("What does the neuron of one category want to see? It is drawn from noise.");
  return make("div", { className: "lab-work" },
    make("div", { className: "lab-stage" }, shown),
    make("div", { className: "lab-side" }, target.element, side.element, steps.element, seed.element,
      make("div", { className: "lab-buttons" }, run, stop, keep), told.element, bars.element),
    code);
}
