// The laboratory's worker: holds the engine, does one request after another, and listens between any two steps.

import { decoded } from "./digits.js";
import { Engine } from "./engine.js";
import { answerGradient, answers, attack, channelLight, channelMean, climb, layerLights, layerStrength, leastEpsilon, logProbability, placeGradient } from "./climbing.js";
import { scaled, toBytes } from "./pictures.js";
import { unpack } from "./weights.js";
import { classImage } from "./waves.js";

/** @typedef {import("./pictures.js").Picture} Picture */

/** @type {Engine} */
let engine;
/** @type {import("./waves.js").Usual} */
let usual;

/** What the page wants of the jobs that run: "go", "pause" or "stop". @type {Map<number, string>} */
const jobs = new Map();
/** Jobs that pause, and what wakes them. @type {Set<() => void>} */
const asleep = new Set();

/** Let messages come in. @returns {Promise<void>} */
const breathe = () =>
  new Promise((done) => {
    const { port1, port2 } = new MessageChannel(); // unlike a timer, it is not slowed down in the background
    port1.onmessage = () => done();
    port2.postMessage(0);
  });

/** Report a step, and wait while the page wants a pause. @param {number} id @param {object} step @param {Transferable[]} [moved] @returns {Promise<boolean>} whether to go on */
async function report(id, step, moved = []) {
  postMessage({ id, kind: "step", step }, { transfer: moved });
  await breathe();
  while (jobs.get(id) === "pause") await new Promise((done) => asleep.add(() => done(null)));
  return jobs.get(id) === "go";
}

/** A `told` that sends each step's picture as bytes. @param {number} id @returns {import("./climbing.js").Told} */
const shown = (id) => ({ picture, ...step }) => {
  const bytes = toBytes(picture.pixels);
  return report(id, { ...step, bytes, height: picture.height, width: picture.width }, [bytes.buffer]);
};

/** @param {{layer?: string, channel?: number | null, category?: number}} wanted */
function objective({ layer = "", channel = null, category }) {
  if (category !== undefined) return logProbability(engine, category);
  return channel === null ? layerStrength(engine, layer) : channelMean(engine, layer, channel);
}

/** @type {{[what: string]: (request: any) => any}} */
const work = {
  async start({ kernels, relaxed, network, weights }) {
    const inflated = new Blob([decoded(weights)]).stream().pipeThrough(new DecompressionStream("gzip"));
    const bytes = await new Response(inflated).arrayBuffer();
    const build = WebAssembly.validate(relaxed) ? relaxed : kernels;
    usual = network.usual;
    engine = new Engine(build, network.operations, unpack(network.operations, bytes));
    return { relaxed: build === relaxed };
  },
  look({ picture, side }) { // side: scale it to such a square first
    const seen = side ? scaled(picture, side, side) : picture;
    return { picture: seen, shares: answers(engine, seen) };
  },
  lights: ({ picture }) => layerLights(engine, picture),
  channel: ({ picture, block, channel }) => channelLight(engine, picture, block, channel),
  place: ({ picture, where }) => placeGradient(engine, picture, where),
  answer: ({ picture, category }) => answerGradient(engine, picture, category),
  dream: ({ id, picture, wanted, settings }) => climb(picture, objective(wanted), settings, shown(id)),
  score: ({ picture, wanted }) => objective(wanted)(picture).score,
  async attack({ id, picture, settings }) {
    const moved = await attack(engine, picture, settings, shown(id));
    return { picture: moved, shares: answers(engine, moved) };
  },
  least: ({ id, picture, settings }) => leastEpsilon(engine, picture, settings, (step) => report(id, step)),
  async neuron({ id, settings }) {
    const picture = await classImage(engine, usual, settings, shown(id));
    return { picture, shares: answers(engine, picture) };
  },
};

self.onmessage = async ({ data }) => {
  const { id, what } = data;
  if (what === "go" || what === "pause" || what === "stop") {
    if (jobs.has(id)) jobs.set(id, what);
    for (const wake of asleep) wake();
    return asleep.clear();
  }
  jobs.set(id, "go");
  try {
    const result = await work[what](data);
    postMessage({ id, kind: "done", result });
  } catch (error) {
    const memory = error instanceof RangeError;
    const message = memory ? "There is not enough memory for a picture of this size: choose a smaller one." : String(/** @type {Error} */ (error).message ?? error);
    postMessage({ id, kind: "failed", message });
  } finally {
    jobs.delete(id);
  }
};
