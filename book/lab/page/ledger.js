// The reader's own ledger: predict first, then measure whether claims of the book hold on this very photo.

import { button, levels, make, percent } from "./dom.js";
import { machine } from "./machine.js";
import { paint, photos } from "./photo.js";
import { view } from "./see.js";
import { copy, likeliest, names, photoName, picture, progress } from "./widgets.js";
import { toBytes } from "../pictures.js";
import { PLAIN, bred, stitches } from "../stitches.js";

/** @typedef {import("../pictures.js").Picture} Picture */
/** @typedef {{measured: string, verdict: string, right: string, pictures?: [string, Picture][], ask?: [string, string, string]}} Outcome
 *    right is the answer that was right; ask is a question to the reader, with the words for yes and for no */
/** @typedef {{step: (step: number, of: number, text: string) => void, asked: (job: import("./machine.js").Job) => import("./machine.js").Job, show: (pictures: [string, Picture][]) => void}} Telling */
/**
 * @typedef {{id: string, claim: string, question: string, answers: string[], photo?: () => string,
 *   measure: (telling: Telling) => Promise<Outcome>}} Claim */

const LEDGER = "under-the-hood-ledger";
const SMOOTH = { color: 0.6, seed: 0, octaves: 1 };
const WIDE = 160; // pixels, as the stitches of chapter 4
const SMALL = 144; // pixels, as the small skies of chapter 5
const MAMMALS = [[151, 299], [330, 388]]; // on land, in ImageNet's list
const DOGS = [[151, 268]];

/** @param {ArrayLike<number>} shares @param {number[][]} spans */
const within = (shares, spans) => spans.reduce((sum, [first, last]) => {
  for (let i = first; i <= last; i++) sum += shares[i];
  return sum;
}, 0);

/** What the network says of a picture, moved a little four times: the mean. @param {Picture} given @returns {Promise<Float32Array>} */
async function steadily({ pixels, height, width }) {
  const mean = new Float32Array(names.length);
  for (const [down, right] of [[0, 0], [5, 7], [-9, 4], [11, -6]]) {
    const moved = new Float32Array(pixels.length);
    for (let row = 0; row < height; row++)
      for (let column = 0; column < width; column++) {
        const to = (((row + down + height) % height) * width + ((column + right + width) % width)) * 3;
        moved.set(pixels.subarray((row * width + column) * 3, (row * width + column) * 3 + 3), to);
      }
    const { shares } = await machine.get("look", { picture: { pixels: moved, height, width } });
    shares.forEach((/** @type {number} */ share, /** @type {number} */ i) => (mean[i] += share / 4));
  }
  return mean;
}

/** The square, small. @returns {Promise<Picture>} */
const small = async () => (await machine.get("look", { picture: photos.seen(), side: SMALL })).picture;

/** @param {Picture} given @param {object} wanted @param {object} settings @param {Telling} telling @param {string} text @returns {Promise<Picture>} */
const dreamed = (given, wanted, settings, telling, text) =>
  telling.asked(machine.ask("dream", { picture: given, wanted, settings }, ({ step, of }) => telling.step(step, of, text))).promise;

/** @type {Claim[]} */
const CLAIMS = [
  {
    id: "4.3",
    claim: "A white background with five columns of red stitch marks can be a baseball to a network, with extreme confidence.",
    question: "Here no photo is needed. Drawings of stitches are bred before your eyes: 20 rounds of eight children, the best lives on. How sure of a baseball will the network be?",
    answers: ["under 10 %", "10 to 90 %", "over 90 %"],
    photo: () => "stitches",
    async measure(telling) {
      const baseball = names.indexOf("baseball");
      const judge = async (/** @type {Picture} */ given) => (await machine.get("look", { picture: given })).shares[baseball];
      const plain = stitches(PLAIN, WIDE), first = await judge(plain);
      let going = true;
      telling.asked({ promise: Promise.resolve(), stop: () => void (going = false), pause() {}, go() {} });
      const settings = { rounds: 20, side: WIDE, seed: Math.floor(Math.random() * 1e6) };
      const { best, picture: found } = await bred(judge, settings, (tried, of, now, drawn) => {
        telling.step(tried, of, `baseball ${percent(now)}`);
        if (tried % 8 === 0) telling.show([["straight columns", plain], ["the best so far", drawn]]);
        return going;
      });
      const right = this.answers[best < 0.1 ? 0 : best <= 0.9 ? 1 : 2];
      return { measured: `baseball ${percent(first)} for straight columns, ${percent(best)} after 160 drawings`, verdict: best > 0.9 ? "" : "undecided: breed again, the start was chance", right, pictures: [["straight columns", plain], ["the best", found]], ask: ["Do you see a baseball?", "does not hold: it looks like one to me, too", "holds"] };
    },
  },
  {
    id: "4.6",
    claim: "An image can look like one thing to people and like something entirely different to a network.",
    question: "By how many of 255 gray levels must each pixel of your photo change until the network says “remote control”?",
    answers: ["less than one level", "one to two", "two to eight", "more than eight"],
    async measure(telling) {
      const absurd = ["remote control", "king penguin"].map((name) => names.indexOf(name)), was = view.best;
      const category = absurd[Number(was === absurd[0])], settings = { category, toward: true, most: 8 / 255, halvings: 6, steps: 10 };
      const job = telling.asked(machine.ask("least", { picture: view.now?.picture, settings }, ({ step, of, epsilon }) => telling.step(step, of, `trying ${levels(epsilon)} levels`)));
      const { epsilon, picture: moved } = await job.promise;
      if (Number.isNaN(epsilon)) throw new Error("Stopped before anything was known.");
      if (!moved) return { measured: "eight gray levels were not enough", verdict: "does not hold at eight levels", right: this.answers[3] };
      const needed = 255 * epsilon, right = this.answers[needed < 1 ? 0 : needed <= 2 ? 1 : 2];
      return { measured: `${levels(epsilon)} gray levels turn “${names[was]}” into “${names[category]}”`, verdict: "", right, pictures: [["the photo", /** @type {any} */ (view.now).picture], [names[category], moved]], ask: ["Do the two look the same to you?", "holds", "does not hold: I see the change"] };
    },
  },
  {
    id: "5.3",
    claim: "Hold the weights fixed and move the image instead, so that the dog neuron grows brighter while the others stay dark: dogs appear in it.",
    question: "After forty steps toward the Samoyed neuron, how sure of a Samoyed will the network be?",
    answers: ["under 50 %", "50 to 90 %", "over 90 %"],
    async measure(telling) {
      const given = await small(), samoyed = names.indexOf("Samoyed");
      const settings = { ...SMOOTH, steps: 40, size: 0.007, blur: 1, jitter: 24 };
      const result = await dreamed(given, { category: samoyed }, settings, telling, "moving the photo toward the Samoyed neuron");
      const [before, after] = [await steadily(given), (await machine.get("look", { picture: result })).shares];
      const p = after[samoyed], other = after[likeliest(after, 2).find((i) => i !== samoyed) ?? 0];
      const words = `Samoyed ${percent(before[samoyed])} before, ${percent(p)} after, the brightest other ${percent(other)}`;
      return { measured: words, verdict: p > 0.9 && other < 0.05 ? "" : "does not hold: the neuron did not outshine the others", right: this.answers[p < 0.5 ? 0 : p <= 0.9 ? 1 : 2], pictures: [["before", given], ["after", result]], ask: ["Do you see a dog?", "holds", "holds with a caveat: the neuron is bright, and I see no dog"] };
    },
  },
  {
    id: "5.6",
    claim: "Deep Dream names no object: it picks a layer and amplifies whatever is there. Lower layers give strokes and ornaments; higher ones give complex features and whole objects.",
    question: "Which dream of your photo will the network take for a mammal more?",
    answers: ["that of the lower layer, blocks.2.0", "that of the higher, blocks.4.2", "about the same"],
    async measure(telling) {
      const given = await small(), settings = { ...SMOOTH, octaves: 2, steps: 20, size: 0.015, blur: 0.5, jitter: 16 };
      const low = await dreamed(given, { layer: "blocks.2.0" }, settings, telling, "dreaming at blocks.2.0");
      const high = await dreamed(given, { layer: "blocks.4.2" }, settings, telling, "dreaming at blocks.4.2");
      const [at, lower, higher] = [within(await steadily(given), MAMMALS), within(await steadily(low), MAMMALS), within(await steadily(high), MAMMALS)];
      const gap = higher - lower, right = this.answers[gap > 0.1 ? 1 : gap < -0.1 ? 0 : 2];
      return { measured: `land mammals ${percent(at)} in the photo, ${percent(lower)} after blocks.2.0, ${percent(higher)} after blocks.4.2, says the network that dreamed`, verdict: gap > 0.2 ? "holds with a caveat: no second network was asked" : gap < -0.2 ? "does not hold" : "undecided", right, pictures: [["blocks.2.0", low], ["blocks.4.2", high]] };
    },
  },
  {
    id: "5.7",
    claim: "It is a feedback loop: what faintly resembles a bird is made more like one, is recognized more strongly, and so on, until a detailed bird stands there.",
    question: "After fifty steps of dreaming at blocks.4.2, will the first name of your photo be surer or less sure?",
    answers: ["surer", "less sure"],
    async measure(telling) {
      const given = await small(), before = await steadily(given), first = likeliest(before, 1)[0];
      const result = await dreamed(given, { layer: "blocks.4.2" }, { ...SMOOTH, steps: 50, size: 0.015, blur: 0.5, jitter: 16 }, telling, "dreaming");
      const after = await steadily(result), surer = after[first] > before[first];
      const dogs = `; dogs of any breed ${percent(within(before, DOGS))} before, ${percent(within(after, DOGS))} after`;
      return { measured: `“${names[first]}” ${percent(before[first])} before, ${percent(after[first])} after${dogs}`, verdict: surer ? "holds on this photo" : "does not hold: it is recognized less", right: this.answers[surer ? 0 : 1], pictures: [["before", given], ["after", result]] };
    },
  },
];

/** @returns {{id: string, photo: string, predicted: string, right: boolean, measured: string, verdict: string}[]} */
function kept() {
  try {
    return JSON.parse(localStorage.getItem(LEDGER) ?? "[]");
  } catch {
    return [];
  }
}

export function ledgerPanel() {
  let rows = kept();
  const table = make("div", { className: "lab-ledger" });
  const copier = button("Copy as text", () => copy(copier, asText())), clear = button("Empty it", () => write([]));

  /** @param {typeof rows} next */
  function write(next) {
    rows = next;
    try {
      localStorage.setItem(LEDGER, JSON.stringify(rows));
    } catch { /* then it lasts as long as this page */ }
    draw();
  }

  const asText = () => ["My ledger (Under the Hood, measured in the page)", ...rows.map((row) => `${row.id}, on ${row.photo}: ${row.measured}. I predicted: ${row.predicted} (${row.right ? "right" : "wrong"}). Verdict: ${row.verdict}.`)].join("\n");

  function draw() {
    copier.disabled = clear.disabled = !rows.length;
    const lines = rows.map((row) => make("tr", {}, make("th", { scope: "row", textContent: row.id }), make("td", { textContent: row.photo }), make("td", { textContent: `${row.predicted} ${row.right ? "✓" : "✗"}` }), make("td", { textContent: row.measured }), make("td", { textContent: row.verdict })));
    const head = ["Claim", "Photo", "You predicted", "Measured", "Verdict"].map((text) => make("th", { scope: "col", textContent: text }));
    table.replaceChildren(rows.length ? make("table", { className: "lab-table" }, make("thead", {}, make("tr", {}, ...head)), make("tbody", {}, ...lines)) : make("p", { className: "lab-words", textContent: "Nothing is measured yet." }));
  }

  const cards = CLAIMS.map((claim) => card(claim, (row) => write([...rows.filter(({ id, photo }) => id !== row.id || photo !== row.photo), row].sort((a, b) => a.id.localeCompare(b.id)))));
  draw();
  return make("div", {}, make("p", { textContent: "Five claims of the book were measured on its own pictures. Do they hold on yours? Predict first: the measurement opens when you have." }), ...cards, make("h4", { textContent: "Your ledger" }), table, make("div", { className: "lab-buttons" }, copier, clear));
}

/** One claim: a prediction, and then its measurement. @param {Claim} claim @param {(row: any) => void} enter */
function card(claim, enter) {
  let predicted = "";
  const told = progress(), shown = make("div", { className: "lab-three" }), asked = make("div", { className: "lab-buttons" });
  const choices = claim.answers.map((text) => button(text, () => {
    predicted = text;
    choices.forEach((one) => one.setAttribute("aria-pressed", String(one.textContent === predicted)));
    run.disabled = false;
  }));
  const run = button(claim.photo ? "Measure it" : "Measure it on my photo", () => measure(), "lab-main"), stop = button("Stop", () => job?.stop());
  run.disabled = stop.disabled = true;
  /** @type {import("./machine.js").Job | null} */
  let job = null;

  /** @param {[string, Picture][]} pictures */
  function show(pictures) {
    const figures = pictures.map(([words, { pixels, width, height }]) => {
      const one = picture(words, width);
      paint(one, toBytes(pixels), width, height);
      return make("figure", {}, one, make("figcaption", { textContent: words }));
    });
    shown.replaceChildren(...figures);
  }

  async function measure() {
    const photo = (claim.photo ?? photoName)(), given = predicted;
    run.disabled = true;
    stop.disabled = false;
    shown.replaceChildren();
    asked.replaceChildren();
    let stopped = false;
    try {
      await view.look();
      const outcome = await claim.measure({
        step: (step, of, text) => told.step(step, of, `${text}: step ${step} of ${of}`),
        show,
        asked: (next) => {
          const stop = () => {
            stopped = true;
            next.stop();
          };
          return (job = { ...next, stop });
        },
      });
      if (stopped) throw new Error("Stopped; nothing was entered.");
      show(outcome.pictures ?? []);
      const right = outcome.right === given;
      const finish = (/** @type {string} */ verdict) => {
        enter({ id: claim.id, photo, predicted: given, right, measured: outcome.measured, verdict });
        asked.replaceChildren();
        told.say(`${right ? "Predicted rightly" : `You said: ${given}. It was: ${outcome.right}`}. Measured: ${outcome.measured}. Verdict: ${verdict}.`);
      };
      if (outcome.verdict || !outcome.ask) return finish(outcome.verdict);
      const [question, yes, no] = outcome.ask;
      told.say(`Measured: ${outcome.measured}. One question is yours: ${question}`);
      asked.replaceChildren(button("Yes", () => finish(yes)), button("No", () => finish(no)));
    } catch (error) {
      told.fail(error);
    } finally {
      job = null;
      run.disabled = !predicted;
      stop.disabled = true;
    }
  }

  const options = make("div", { className: "lab-buttons", role: "group", "aria-label": claim.question }, ...choices);
  return make("section", { className: "lab-claim" }, make("p", {}, make("b", { textContent: `${claim.id} ` }), `“${claim.claim}”`), make("p", { textContent: claim.question }), options, make("div", { className: "lab-buttons" }, run, stop), told.element, shown, asked);
}
