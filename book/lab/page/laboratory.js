// The laboratory: the photo at the top, its panels beneath. `underTheHood.mount` makes one of an element.

import { attackPanel } from "./attack.js";
import { button, make } from "./dom.js";
import { dreamPanel } from "./dream.js";
import { ledgerPanel } from "./ledger.js";
import { machine, packed } from "./machine.js";
import { neuronPanel } from "./neuron.js";
import { photoName, progress, squareChooser } from "./widgets.js";
import { canvas, photos } from "./photo.js";
import { seePanel, view } from "./see.js";

/** @type {{[mode: string]: [string, (given: DOMStringMap) => HTMLElement, boolean]}} words, panel, and whether it looks at the square */
const MODES = {
  see: ["See", seePanel, true],
  attack: ["Attack", attackPanel, true],
  dream: ["Dream", dreamPanel, false],
  neuron: ["Class images", neuronPanel, false],
  ledger: ["Your ledger", ledgerPanel, true],
};

/** @param {FileList | undefined | null} files @param {(error: unknown) => void} fail @param {() => void} done */
async function take(files, fail, done) {
  const file = files?.[0];
  if (!file) return;
  try {
    await photos.load(file, file.name || "the photo");
    done();
  } catch (error) {
    fail(error);
  }
}

/** A picture from the camera, in a window of its own. @param {(error: unknown) => void} fail */
async function shoot(fail) {
  /** @type {MediaStream} */
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1024 } } });
  } catch {
    return fail(new Error("The camera was refused, or there is none: choose a photo instead."));
  }
  const video = make("video", { autoplay: true, playsInline: true, muted: true, srcObject: stream });
  const close = () => {
    stream.getTracks().forEach((track) => track.stop());
    dialog.close();
    dialog.remove();
  };
  const snap = button("Take the photo", () => {
    if (!video.videoWidth) return;
    const [drawn, context] = canvas(video.videoWidth, video.videoHeight);
    context.drawImage(video, 0, 0);
    close();
    photos.put(drawn, "camera.png");
  }, "lab-main");
  const dialog = make("dialog", { className: "lab lab-camera" }, video, make("div", { className: "lab-buttons" }, snap, button("Cancel", close)));
  dialog.addEventListener("cancel", close);
  document.body.append(dialog);
  dialog.showModal();
}

/** The bar with the photo. @param {boolean} squared whether to choose the square as well */
function photoBar(squared) {
  const told = progress(), chooser = squareChooser(), name = make("p", { className: "lab-words" });
  const input = make("input", { type: "file", accept: "image/*", className: "lab-away", tabIndex: -1, "aria-hidden": "true" });
  const camera = make("input", { type: "file", accept: "image/*", capture: "environment", className: "lab-away", tabIndex: -1, "aria-hidden": "true" });
  for (const one of [input, camera])
    one.addEventListener("change", async () => {
      await take(one.files, told.fail, () => told.say(""));
      one.value = "";
    });
  const touch = matchMedia("(pointer: coarse)").matches || !navigator.mediaDevices?.getUserMedia;
  const thumbs = packed.samples.map((/** @type {any} */ sample) => {
    const chosen = button("", () => photos.loadSample(sample.name).then(() => told.say("")), "lab-sample");
    chosen.append(make("img", { src: sample.url, alt: `Sample: ${sample.words}` }));
    return chosen;
  });
  const draw = () => {
    name.textContent = `Now: ${photoName()}. ${photos.words}`;
  };
  photos.addEventListener("photo", draw);
  const hint = make("p", { className: "lab-words" }, "Or drop or paste one. It is kept in this browser, for the other pages, and never sent: this works without the internet.");
  const element = make("div", { className: "lab-photo" }, chooser.element,
    make("div", { className: "lab-side" },
      make("div", { className: "lab-buttons" }, button("Choose a photo", () => input.click()), button("Take one", () => (touch ? camera.click() : shoot(told.fail))), button("Forget it", () => photos.forget())),
      make("div", { className: "lab-samples", role: "group", "aria-label": "samples" }, ...thumbs),
      hint, name, ...(squared ? [chooser.closer] : []), told.element, input, camera));
  const drawAll = () => {
    chooser.draw();
    draw();
  };
  return { element, told, draw: drawAll, chooser };
}

/** Tabs, as the ARIA practices want them. @param {string[]} modes @param {(mode: string) => void} open */
function tabList(modes, open) {
  const tabs = modes.map((mode) => button(MODES[mode][0], () => select(mode)));
  tabs.forEach((tab, i) => {
    tab.setAttribute("role", "tab");
    tab.id = `lab-tab-${modes[i]}`;
    tab.setAttribute("aria-controls", `lab-panel-${modes[i]}`);
    tab.addEventListener("keydown", (event) => {
      const to = { ArrowRight: i + 1, ArrowLeft: i - 1, Home: 0, End: tabs.length - 1 }[event.key];
      if (to === undefined) return;
      event.preventDefault();
      const next = (to + tabs.length) % tabs.length;
      tabs[next].focus();
      select(modes[next]);
    });
  });
  function select(/** @type {string} */ mode) {
    tabs.forEach((tab, i) => {
      tab.setAttribute("aria-selected", String(modes[i] === mode));
      tab.tabIndex = modes[i] === mode ? 0 : -1;
    });
    open(mode);
  }
  return { element: make("div", { className: "lab-tabs", role: "tablist", "aria-label": "what to do" }, ...tabs), select };
}

/** What rounding the weights costs, as a table. */
function precision() {
  const { crops, pictures, fitted, gradients, rows } = packed.precision;
  const head = ["Weights", "MB", "same first answer", "attack's slope", "dream's slope"].map((text) => make("th", { scope: "col", textContent: text }));
  const lines = rows.map((/** @type {any} */ row) => make("tr", {}, make("th", { scope: "row", textContent: row.weights }), ...[row.megabytes.toFixed(1), `${(100 * row.agree).toFixed(1)} %`, row.attack.toFixed(3), row.dream.toFixed(3)].map((text) => make("td", { textContent: text }))));
  const words = `Measured on ${crops} crops of ${pictures} of the book's pictures, the slopes on ${gradients} of them (cosine with those of the exact weights; 1 is the same direction). The rounding with an eye on the outputs was fitted to ${fitted} other pictures.`;
  return make("details", { className: "lab-python hide" }, make("summary", { textContent: "What rounding the weights costs" }), make("p", { className: "lab-words", textContent: words }), make("table", { className: "lab-table" }, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...lines)));
}

/**
 * Make a laboratory of an element; what is in it goes. Its data attributes choose what it begins with: `sample`, as
 * long as the reader has no photo, `layer` or `category`.
 * @param {HTMLElement} place
 * @param {string} mode one of MODES, or "all"
 */
async function mount(place, mode) {
  const all = !(mode in MODES), modes = all ? Object.keys(MODES) : [mode];
  const bar = photoBar(modes.some((one) => MODES[one][2])), panels = make("div"), told = progress();
  /** @type {{[mode: string]: HTMLElement}} */
  const made = {};
  const open = (/** @type {string} */ one) => {
    if (!made[one]) {
      made[one] = make("div", { id: `lab-panel-${one}`, className: "lab-panel" }, MODES[one][1](place.dataset));
      if (all) made[one].setAttribute("role", "tabpanel");
      if (all) made[one].setAttribute("aria-labelledby", `lab-tab-${one}`);
      panels.append(made[one]);
    }
    for (const [other, panel] of Object.entries(made)) panel.hidden = other !== one;
    place.dataset.mode = one;
    bar.chooser.element.classList.toggle("whole", !MODES[one][2]);
    bar.chooser.closer.hidden = !MODES[one][2];
    bar.element.hidden = one === "neuron"; // it begins with noise
  };
  place.classList.add("started");
  place.replaceChildren(bar.element);
  place.ondragover = (event) => event.preventDefault();
  place.ondrop = (event) => {
    event.preventDefault();
    take(event.dataTransfer?.files, bar.told.fail, () => bar.told.say(""));
  };
  document.addEventListener("paste", (event) => {
    if (event.clipboardData?.files.length && place === document.querySelector(".lab.started")) take(event.clipboardData.files, bar.told.fail, () => bar.told.say(""));
  });
  told.say("Unpacking the network…");
  place.append(told.element);
  if (!photos.drawn) await photos.recall(place.dataset.sample);
  bar.draw();
  await machine.start();
  if (all) {
    const tabs = tabList(modes, open);
    place.append(tabs.element, panels, precision());
    tabs.select("see");
  } else {
    place.append(panels);
    open(mode);
  }
  if (!view.now && !view.looking) view.look().catch(told.fail); // a second look would wipe what is told by then
  told.say("");
  told.element.remove();
}

/** @type {any} */ (globalThis).underTheHood = { mount, machine, photos, view };
