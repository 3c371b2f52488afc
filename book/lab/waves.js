// Class images: what one category's neuron wants to see, as `dreams.visualize` draws it: waves instead of pixels,
// four views of the picture at each step, and every block's channels kept near what is usual in them.

import { normal, random } from "./chance.js";
import { softmax } from "./climbing.js";
import { clamp, decorrelated } from "./pictures.js";

/** @typedef {import("./pictures.js").Picture} Picture */
/** @typedef {import("./engine.js").Engine} Engine */
/** @typedef {{[name: string]: {mean: number[], spread: number[]}}} Usual mean and spread of channels in training */
/** @typedef {{real: Float64Array, imaginary: Float64Array}} Spectrum */

const VIEWS = 4;
const USUAL_WEIGHT = 12; // of being usual, beside a logit

/** Fourier transform of one line, in place. @param {Float64Array} real @param {Float64Array} imaginary @param {number} sign -1, or 1 for the way back */
function transformLine(real, imaginary, sign) {
  const length = real.length;
  for (let i = 1, j = 0; i < length; i++) {
    let bit = length >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) [real[i], real[j], imaginary[i], imaginary[j]] = [real[j], real[i], imaginary[j], imaginary[i]];
  }
  for (let span = 2; span <= length; span *= 2) {
    const angle = (sign * 2 * Math.PI) / span;
    for (let k = 0; k < span / 2; k++) {
      const cosine = Math.cos(angle * k), sine = Math.sin(angle * k);
      for (let a = k; a < length; a += span) {
        const b = a + span / 2, re = real[b] * cosine - imaginary[b] * sine, im = real[b] * sine + imaginary[b] * cosine;
        [real[b], imaginary[b]] = [real[a] - re, imaginary[a] - im];
        real[a] += re;
        imaginary[a] += im;
      }
    }
  }
}

/** Fourier transform of a square plane, orthonormal, in place. @param {Spectrum} plane @param {number} side a power of 2 @param {number} sign */
export function transform({ real, imaginary }, side, sign) {
  for (let row = 0; row < side; row++)
    transformLine(real.subarray(row * side, (row + 1) * side), imaginary.subarray(row * side, (row + 1) * side), sign);
  const re = new Float64Array(side), im = new Float64Array(side);
  for (let column = 0; column < side; column++) {
    for (let row = 0; row < side; row++) [re[row], im[row]] = [real[row * side + column], imaginary[row * side + column]];
    transformLine(re, im, sign);
    for (let row = 0; row < side; row++)
      [real[row * side + column], imaginary[row * side + column]] = [re[row] / side, im[row] / side];
  }
}

/** How high each wave is, (side, half): long ones higher, none much finer than `finest` along a side. @param {number} side @param {number} finest */
export function heights(side, finest) {
  const half = side / 2 + 1, result = new Float64Array(side * half);
  let squares = 0;
  for (let i = 0; i < result.length; i++) {
    const row = Math.floor(i / half), frequency = Math.hypot(Math.min(row, side - row), i % half) / side;
    result[i] = Math.max(frequency, 1 / side) ** -1.35;
    squares += result[i] ** 2;
  }
  const by = 1.4 / Math.sqrt((2 * squares) / result.length);
  return result.map((height, i) => {
    const row = Math.floor(i / half), frequency = Math.hypot(Math.min(row, side - row), i % half);
    return (height * by) / (1 + Math.exp(-(finest - frequency) / 4));
  });
}

/**
 * Waves to a picture, and back to the slope of each wave.
 * @param {Float32Array} waves (3, side, half, 2): cosines and sines in decorrelated colors
 * @param {number} side a power of 2
 * @param {number} finest
 * @returns {{picture: Picture, back: (gradient: Float32Array) => Float32Array}}
 */
export function composed(waves, side, finest) {
  const half = side / 2 + 1, tall = heights(side, finest), mix = decorrelated(), plane = side * half;
  const planes = [0, 1, 2].map((c) => {
    const spectrum = { real: new Float64Array(side * side), imaginary: new Float64Array(side * side) };
    for (let i = 0; i < plane; i++) {
      const column = i % half, to = Math.floor(i / half) * side + column, twice = column && column < side / 2 ? 2 : 1;
      spectrum.real[to] = twice * tall[i] * waves[2 * (c * plane + i)];
      spectrum.imaginary[to] = twice * tall[i] * waves[2 * (c * plane + i) + 1];
    }
    transform(spectrum, side, 1);
    return spectrum.real;
  });
  const pixels = new Float32Array(side * side * 3);
  for (let i = 0; i < side * side; i++)
    mix.forEach((row, c) => {
      pixels[3 * i + c] = 1 / (1 + Math.exp(-(row[0] * planes[0][i] + row[1] * planes[1][i] + row[2] * planes[2][i])));
    });
  const back = (/** @type {Float32Array} */ gradient) => {
    const slope = new Float32Array(waves.length);
    for (let c = 0; c < 3; c++) {
      const spectrum = { real: new Float64Array(side * side), imaginary: new Float64Array(side * side) };
      for (let i = 0; i < side * side; i++)
        for (let d = 0; d < 3; d++) {
          const value = pixels[3 * i + d];
          spectrum.real[i] += mix[d][c] * gradient[3 * i + d] * value * (1 - value);
        }
      transform(spectrum, side, -1);
      for (let i = 0; i < plane; i++) {
        const column = i % half, from = Math.floor(i / half) * side + column, twice = column && column < side / 2 ? 2 : 1;
        slope[2 * (c * plane + i)] = twice * tall[i] * spectrum.real[from];
        slope[2 * (c * plane + i) + 1] = twice * tall[i] * spectrum.imaginary[from];
      }
    }
    return slope;
  };
  return { picture: { pixels, height: side, width: side }, back };
}

/**
 * A picture turned, mirrored, moved, zoomed on gray, lit and grained by chance; and the way of a gradient back.
 * @param {Picture} picture a square
 * @param {() => number} chance
 * @returns {{picture: Picture, back: (gradient: Float32Array, to: Float32Array) => void}} back adds to a gradient
 */
function seen({ pixels, height: side }, chance) {
  const between = (/** @type {number} */ low, /** @type {number} */ high) => low + (high - low) * chance();
  const turn = between(-0.2, 0.2), shrink = Math.exp(-between(Math.log(0.6), Math.log(1.5)));
  const cosine = shrink * Math.cos(turn), sine = shrink * Math.sin(turn), mirror = chance() < 0.5 ? -1 : 1;
  const across = [cosine * mirror, -sine, between(-0.25, 0.25)], down = [sine * mirror, cosine, between(-0.25, 0.25)];
  const light = between(-0.05, 0.05), view = new Float32Array(pixels.length), live = new Uint8Array(pixels.length);
  /** @type {(row: number, column: number, each: (from: number, weight: number) => void) => void} */
  const corners = (row, column, each) => {
    const x = (2 * column + 1) / side - 1, y = (2 * row + 1) / side - 1;
    const right = ((across[0] * x + across[1] * y + across[2] + 1) * side - 1) / 2;
    const low = ((down[0] * x + down[1] * y + down[2] + 1) * side - 1) / 2;
    const j = Math.floor(right), i = Math.floor(low), dx = right - j, dy = low - i;
    for (const [p, q, weight] of [[i, j, (1 - dy) * (1 - dx)], [i, j + 1, (1 - dy) * dx], [i + 1, j, dy * (1 - dx)], [i + 1, j + 1, dy * dx]])
      if (p >= 0 && p < side && q >= 0 && q < side) each((p * side + q) * 3, weight);
  };
  for (let row = 0, to = 0; row < side; row++)
    for (let column = 0; column < side; column++, to += 3) {
      const sum = [0, 0, 0];
      corners(row, column, (from, weight) => {
        for (let c = 0; c < 3; c++) sum[c] += weight * (pixels[from + c] - 0.5);
      });
      for (let c = 0; c < 3; c++) {
        const value = 0.5 + sum[c] + light + 0.03 * normal(chance);
        live[to + c] = Number(value >= 0 && value <= 1);
        view[to + c] = clamp(value, 0, 1);
      }
    }
  const back = (/** @type {Float32Array} */ gradient, /** @type {Float32Array} */ total) => {
    for (let row = 0, at = 0; row < side; row++)
      for (let column = 0; column < side; column++, at += 3)
        corners(row, column, (from, weight) => {
          for (let c = 0; c < 3; c++) total[from + c] += live[at + c] * weight * gradient[at + c];
        });
  };
  return { picture: { pixels: view, height: side, width: side }, back };
}

/**
 * The score of several views, as `dreams.class_score`, and its slope to each of them.
 * @param {Engine} engine
 * @param {Usual} usual
 * @param {Picture[]} pictures of one size
 * @param {number} category
 * @returns {{score: number, gradients: Float32Array[]}}
 */
export function classScore(engine, usual, pictures, category) {
  const watched = engine.operations.flatMap(({ name }, i) => (usual[name] ? [i] : []));
  const shares = softmax(Float32Array.from(watched, (_, i) => i * Math.log(0.85)));
  const sums = watched.map((i) => ({ sum: new Float64Array(engine.operations[i].outputs), squares: new Float64Array(engine.operations[i].outputs), places: 0 }));
  let score = 0;
  for (const { pixels, height, width } of pictures) {
    score += engine.forward(pixels, height, width)[category] / pictures.length;
    watched.forEach((i, layer) => {
      const { values, channels } = engine.addition(i), { sum, squares } = sums[layer];
      sums[layer].places += values.length / channels;
      values.forEach((value, at) => {
        sum[at % channels] += value;
        squares[at % channels] += value * value;
      });
    });
  }
  const pulls = watched.map((i, layer) => {
    const { mean, spread } = usual[engine.operations[i].name], { sum, squares, places } = sums[layer], count = mean.length;
    const weight = (USUAL_WEIGHT * shares[layer]) / count / (spread.reduce((total, s) => total + s * s, 0) / count);
    const middle = sum.map((total) => total / places);
    const wide = squares.map((total, c) => Math.sqrt(Math.max(0, total - places * middle[c] ** 2) / (places - 1)) + 1e-12);
    mean.forEach((m, c) => (score -= weight * ((middle[c] - m) ** 2 + (wide[c] - spread[c]) ** 2)));
    return (/** @type {Float32Array} */ values) => {
      const even = middle.map((m, c) => (-2 * weight * (m - mean[c])) / places);
      const steep = wide.map((w, c) => (-2 * weight * (w - spread[c])) / ((places - 1) * w));
      return values.map((value, at) => even[at % count] + steep[at % count] * (value - middle[at % count]));
    };
  });
  const gradients = pictures.map(({ pixels, height, width }) => {
    engine.forward(pixels, height, width); // again, for the engine keeps one picture's values
    const more = new Map(watched.map((i, layer) => [i, pulls[layer](engine.addition(i).values)]));
    return engine.backward(engine.last, (to) => to.fill(0).fill(1 / pictures.length, category, category + 1), more).slice();
  });
  return { score, gradients };
}

/** Long waves first; none finer than four pixels, which would only be grain. @param {number} step @param {number} steps @param {number} side */
const finestAt = (step, steps, side) => Math.min(4 * 32 ** Math.min(1, step / (0.8 * steps)), side / 4);

/**
 * Draw a class image; who is told may stop it.
 * @param {Engine} engine
 * @param {Usual} usual
 * @param {{category: number, side: number, steps: number, seed: number}} settings side is a power of 2
 * @param {import("./climbing.js").Told} told
 * @returns {Promise<Picture>}
 */
export async function classImage(engine, usual, { category, side, steps, seed }, told) {
  const chance = random(seed), waves = Float32Array.from({ length: 3 * side * (side / 2 + 1) * 2 }, () => 0.05 * normal(chance));
  const first = new Float32Array(waves.length), second = new Float32Array(waves.length);
  for (let step = 0, going = true; step < steps && going; step++) {
    const { picture, back } = composed(waves, side, finestAt(step, steps, side));
    const views = Array.from({ length: VIEWS }, () => seen(picture, chance));
    const { score, gradients } = classScore(engine, usual, views.map((view) => view.picture), category);
    const total = new Float32Array(picture.pixels.length);
    views.forEach((view, i) => view.back(gradients[i], total));
    const slope = back(total), rate = 0.06 * (1 + Math.cos((Math.PI * step) / steps));
    for (let i = 0; i < waves.length; i++) { // Adam, uphill, along a cosine
      first[i] += 0.1 * (slope[i] - first[i]);
      second[i] += 0.001 * (slope[i] ** 2 - second[i]);
      const size = Math.sqrt(second[i] / (1 - 0.999 ** (step + 1))) + 1e-8;
      waves[i] += (rate * first[i]) / (1 - 0.9 ** (step + 1)) / size;
    }
    going = await told({ step: step + 1, of: steps, score, picture });
  }
  return composed(waves, side, finestAt(steps, steps, side)).picture;
}
