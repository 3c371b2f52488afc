// The one loop of the book, in the page: hold the weights, move the picture. See helpers/ascent.py, helpers/dreams.py
// and helpers/illusions/attacks.py, which these functions follow number for number.

import { random } from "./chance.js";
import { blurred, clamp, clipped, naturalStep, octaveSizes, resize, rolled, scaled, scaledPlane } from "./pictures.js";

/** @typedef {import("./pictures.js").Picture} Picture */
/** @typedef {import("./engine.js").Engine} Engine */
/** @typedef {(picture: Picture) => {score: number, gradient: Float32Array}} Objective what grows, and its slope */

/**
 * What is told after each step; it answers whether to go on.
 * @typedef {(step: {step: number, of: number, score: number, picture: Picture}) => Promise<boolean>} Told
 */

/** @param {Float32Array} logits @returns {Float32Array} probabilities */
export function softmax(logits) {
  const most = logits.reduce((a, b) => Math.max(a, b)), shares = logits.map((logit) => Math.exp(logit - most));
  const sum = shares.reduce((a, b) => a + b);
  return shares.map((share) => share / sum);
}

/** What the network says of a picture. @param {Engine} engine @param {Picture} picture @returns {Float32Array} (categories,) */
export const answers = (engine, { pixels, height, width }) => softmax(engine.forward(pixels, height, width));

/** The mean square of a block's outputs: whatever is there, more of it. @param {Engine} engine @param {string} block @returns {Objective} */
export function layerStrength(engine, block) {
  const last = engine.index(block), k = engine.kernels;
  return ({ pixels, height, width }) => {
    const values = engine.forward(pixels, height, width, last), count = values.length, at = values.byteOffset;
    const score = k.sum_of_squares(at, count) / count;
    return { score, gradient: engine.backward(last, (to) => k.scale(at, to.byteOffset, count, 2 / count)) };
  };
}

/** The mean of one channel of a block. @param {Engine} engine @param {string} block @param {number} channel @returns {Objective} */
export function channelMean(engine, block, channel) {
  const last = engine.index(block), { outputs } = engine.operations[last];
  if (!(channel >= 0 && channel < outputs)) throw new Error(`${block} has channels 0 to ${outputs - 1}, not ${channel}`);
  return ({ pixels, height, width }) => {
    const values = engine.forward(pixels, height, width, last), places = values.length / outputs;
    let sum = 0;
    for (let i = channel; i < values.length; i += outputs) sum += values[i];
    const gradient = engine.backward(last, (to) => {
      to.fill(0);
      for (let i = channel; i < to.length; i += outputs) to[i] = 1 / places;
    });
    return { score: sum / places, gradient };
  };
}

/** The logarithm of a category's probability, `sign` times. @param {Engine} engine @param {number} category @param {number} [sign] @returns {Objective} */
export function logProbability(engine, category, sign = 1) {
  return (picture) => {
    const shares = answers(engine, picture);
    const gradient = engine.backward(engine.last, (to) => {
      for (let i = 0; i < to.length; i++) to[i] = sign * (Number(i === category) - shares[i]);
    });
    return { score: sign * Math.log(Math.max(shares[category], 1e-38)), gradient };
  };
}

/**
 * As `dreams.climb_octaves`: climb an objective from coarse to fine, and put back at each size the detail that the
 * smaller one lost. Who is told may stop it; the picture comes as far as it came.
 * @param {Picture} picture
 * @param {Objective} objective
 * @param {{octaves: number, steps: number, size: number, color: number, blur: number, jitter: number, seed: number,
 *   mask?: Float32Array}} settings `size` of a step as in `naturalStep`; the mask has the picture's height and width
 * @param {Told} told
 * @returns {Promise<Picture>}
 */
export async function climb(picture, objective, settings, told) {
  const { octaves, steps, jitter, mask } = settings, { height, width } = picture, chance = random(settings.seed);
  const shift = () => Math.floor(chance() * (2 * jitter + 1)) - jitter;
  /** @type {Picture} */
  let detail = { pixels: new Float32Array(picture.pixels.length), height, width };
  let [done, going] = [0, true];
  for (const [high, wide] of octaveSizes(height, width, octaves)) {
    if (!going) break;
    const original = scaled(picture, high, wide), added = resize(detail, high, wide).pixels;
    const here = mask && scaledPlane(mask, height, width, high, wide);
    const x = { pixels: clipped(original.pixels.map((value, i) => value + added[i])), height: high, width: wide };
    for (let step = 0; step < steps && going; step++) {
      const [down, right] = [shift(), shift()];
      const moved = { pixels: rolled(x, down, right), height: high, width: wide };
      const { score, gradient } = objective(moved);
      const back = { pixels: rolled({ pixels: gradient, height: high, width: wide }, -down, -right), height: high, width: wide };
      if (!done && back.pixels.every((value) => value === 0)) throw new Error(FLAT);
      const move = naturalStep(back, { ...settings, mask: here });
      for (let i = 0; i < move.length; i++) x.pixels[i] = clamp(x.pixels[i] + move[i], 0, 1);
      going = await told({ step: ++done, of: octaves * steps, score, picture: x });
    }
    detail = { pixels: x.pixels.map((value, i) => value - original.pixels[i]), height: high, width: wide };
  }
  const added = resize(detail, height, width).pixels;
  return { pixels: clipped(picture.pixels.map((value, i) => value + added[i])), height, width };
}

const FLAT = "What is to grow stays dark whatever the picture does: choose another layer, channel or photo.";

/**
 * As `illusions.pgd`: the most misleading picture within epsilon, away from a category or toward it.
 * @param {Engine} engine
 * @param {Picture} picture
 * @param {{category: number, toward: boolean, epsilon: number, steps: number}} settings epsilon in units of the pixels
 * @param {Told} told
 * @returns {Promise<Picture>}
 */
export async function attack(engine, picture, { category, toward, epsilon, steps }, told) {
  const objective = logProbability(engine, category, toward ? 1 : -1), size = (2.5 * epsilon) / steps;
  const original = picture.pixels, x = { ...picture, pixels: original.slice() };
  for (let step = 1, going = true; step <= steps && going; step++) {
    const { score, gradient } = objective(x);
    for (let i = 0; i < original.length; i++) {
      const low = clamp(original[i] - epsilon, 0, 1), high = clamp(original[i] + epsilon, 0, 1);
      x.pixels[i] = clamp(x.pixels[i] + size * Math.sign(gradient[i]), low, high);
    }
    going = await told({ step, of: steps, score, picture: x });
  }
  return x;
}

/**
 * As `illusions.least_epsilon`: the smallest epsilon at which the attack succeeds, found by halving.
 * @param {Engine} engine
 * @param {Picture} picture
 * @param {{category: number, toward: boolean, most: number, halvings: number, steps: number}} settings
 * @param {(step: {step: number, of: number, epsilon: number}) => Promise<boolean>} told before each attack's steps
 * @returns {Promise<{epsilon: number, picture: Picture | null}>} infinite where `most` is not enough; NaN if stopped
 *   before anything was known
 */
export async function leastEpsilon(engine, picture, { category, toward, most, halvings, steps }, told) {
  const best = (/** @type {Picture} */ x) => {
    const shares = answers(engine, x);
    return shares.indexOf(shares.reduce((a, b) => Math.max(a, b)));
  };
  const wanted = (/** @type {Picture} */ x) => (best(x) === category) === toward;
  if (wanted(picture)) return { epsilon: 0, picture };
  let [low, high, going, done] = [0, NaN, true, 0];
  /** @type {Picture | null} */
  let reached = null;
  for (let i = 0; i <= halvings && going; i++) {
    const epsilon = i ? (low + high) / 2 : most;
    const moved = await attack(engine, picture, { category, toward, epsilon, steps }, async () => {
      going = await told({ step: ++done, of: (halvings + 1) * steps, epsilon });
      return going;
    });
    if (!going) break; // one cut short would count as one that failed
    if (wanted(moved)) [high, reached] = [epsilon, moved];
    else if (!i) return { epsilon: Infinity, picture: null };
    else low = epsilon;
  }
  return { epsilon: high, picture: reached };
}

/**
 * How strongly each place of each block is lit: the root mean square of its channels, from 0, the darkest, to 1.
 * @param {Engine} engine
 * @param {Picture} picture
 * @returns {{block: string, high: number, wide: number, light: Float32Array, strongest: number[], channels: number}[]}
 */
export function layerLights(engine, { pixels, height, width }) {
  engine.forward(pixels, height, width);
  return engine.operations.flatMap(({ block }, i) => {
    if (!block) return [];
    const { values, high, wide, channels } = engine.output(i), light = new Float32Array(high * wide);
    const sums = new Float32Array(channels);
    values.forEach((value, at) => {
      light[Math.floor(at / channels)] += value * value;
      sums[at % channels] += value * value;
    });
    const strongest = [...sums.keys()].sort((a, b) => sums[b] - sums[a]).slice(0, 6);
    return [{ block, high, wide, light: brightest(light.map(Math.sqrt)), strongest, channels }];
  });
}

/** How strongly one channel of a block is lit. @param {Engine} engine @param {Picture} picture @param {string} block @param {number} channel */
export function channelLight(engine, { pixels, height, width }, block, channel) {
  const last = engine.index(block);
  engine.forward(pixels, height, width, last);
  const { values, high, wide, channels } = engine.output(last);
  const light = Float32Array.from({ length: high * wide }, (_, place) => Math.abs(values[place * channels + channel]));
  return { high, wide, light: brightest(light) };
}

/**
 * Which pixels a place of a block looks at: the gradient of its strength, as light.
 * @param {Engine} engine
 * @param {Picture} picture
 * @param {{block: string, across: number, down: number, channel: number | null}} where across and down from 0 to 1
 * @returns {Float32Array} (height, width) from 0 to 1
 */
export function placeGradient(engine, { pixels, height, width }, { block, across, down, channel }) {
  const last = engine.index(block), values = engine.forward(pixels, height, width, last);
  const { high, wide, channels } = engine.output(last);
  const row = clamp(Math.floor(down * high), 0, high - 1), column = clamp(Math.floor(across * wide), 0, wide - 1);
  const from = (row * wide + column) * channels, at = values.slice(from, from + channels);
  const gradient = engine.backward(last, (to) => {
    to.fill(0);
    at.forEach((value, c) => {
      if (channel === null || c === channel) to[from + c] = channel === null ? value : 1;
    });
  });
  return asLight({ pixels: gradient, height, width });
}

/** Which pixels a category's logit depends on, as light. @param {Engine} engine @param {Picture} picture @param {number} category */
export function answerGradient(engine, { pixels, height, width }, category) {
  engine.forward(pixels, height, width);
  const gradient = engine.backward(engine.last, (to) => to.fill(0).fill(1, category, category + 1));
  return asLight({ pixels: gradient, height, width });
}

/** A gradient's size at each place, smoothed a little, its brightest hundredth at 1. @param {Picture} gradient @returns {Float32Array} */
function asLight({ pixels, height, width }) {
  const sizes = new Float32Array(pixels.length);
  for (let i = 0; i < pixels.length; i += 3)
    sizes.fill(Math.abs(pixels[i]) + Math.abs(pixels[i + 1]) + Math.abs(pixels[i + 2]), i, i + 3);
  const smooth = blurred({ pixels: sizes, height, width }, 1.2);
  const plane = Float32Array.from({ length: height * width }, (_, i) => smooth[3 * i]);
  const most = plane.slice().sort()[Math.floor(plane.length * 0.995)] || 1;
  return plane.map((value) => Math.min(1, value / most));
}

/** From 0, the darkest place, to 1, the brightest. @param {Float32Array} light */
function brightest(light) {
  const least = light.reduce((a, b) => Math.min(a, b)), most = light.reduce((a, b) => Math.max(a, b));
  return light.map((value) => (value - least) / (most - least || 1));
}
