// What is done with pictures on their way through the network: each is a Float32Array (height, width, 3), RGB from 0
// to 1. These are the functions of helpers/images.py and helpers/dreams.py, number for number.

/**
 * @typedef {object} Picture
 * @property {Float32Array} pixels (height, width, 3)
 * @property {number} height
 * @property {number} width
 */

/** @typedef {{from: number, weights: number[]}} Tap the weights of a few neighbors, from one on */

/** @param {number} value @param {number} least @param {number} most */
export const clamp = (value, least, most) => (value < least ? least : value > most ? most : value);

/**
 * Antialiased bicubic weights, as PyTorch's.
 * @param {number} length before
 * @param {number} wanted length after
 * @returns {Tap[]}
 */
export function taps(length, wanted) {
  const ratio = length / wanted, reach = 2 * Math.max(1, ratio), a = -0.5;
  /** @param {number} x */
  const cubic = (x) => (x < 1 ? ((a + 2) * x - (a + 3)) * x * x + 1 : x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0);
  return Array.from({ length: wanted }, (_, i) => {
    const center = (i + 0.5) * ratio;
    const from = Math.max(0, Math.floor(center - reach + 0.5)), to = Math.min(length, Math.floor(center + reach + 0.5));
    const weights = [];
    for (let j = from; j < to; j++) weights.push(cubic(Math.abs(j + 0.5 - center) / Math.max(1, ratio)));
    const sum = weights.reduce((total, weight) => total + weight, 0);
    return { from, weights: weights.map((weight) => weight / sum) };
  });
}

/**
 * Scale to another size; values may leave [0, 1] a little, see `clipped`.
 * @param {Picture} picture
 * @param {number} height
 * @param {number} width
 * @returns {Picture} with pixels of its own
 */
export function resize({ pixels, height: high, width: wide }, height, width) {
  if (high === height && wide === width) return { pixels: pixels.slice(), height, width };
  const across = taps(wide, width), down = taps(high, height);
  const rows = new Float32Array(high * width * 3), result = new Float32Array(height * width * 3);
  for (let i = 0; i < high; i++)
    for (let j = 0; j < width; j++) {
      const { from, weights } = across[j], to = (i * width + j) * 3;
      let [red, green, blue] = [0, 0, 0];
      for (let t = 0, at = (i * wide + from) * 3; t < weights.length; t++, at += 3) {
        red += weights[t] * pixels[at];
        green += weights[t] * pixels[at + 1];
        blue += weights[t] * pixels[at + 2];
      }
      rows[to] = red;
      rows[to + 1] = green;
      rows[to + 2] = blue;
    }
  for (let i = 0; i < height; i++) {
    const { from, weights } = down[i], to = i * width * 3;
    for (let t = 0; t < weights.length; t++) {
      const weight = weights[t], at = (from + t) * width * 3;
      for (let j = 0; j < width * 3; j++) result[to + j] += weight * rows[at + j];
    }
  }
  return { pixels: result, height, width };
}

/** Clip to [0, 1], in place. @param {Float32Array} pixels */
export function clipped(pixels) {
  for (let i = 0; i < pixels.length; i++) pixels[i] = clamp(pixels[i], 0, 1);
  return pixels;
}

/** As `images.resize`. @param {Picture} picture @param {number} height @param {number} width */
export function scaled(picture, height, width) {
  const result = resize(picture, height, width);
  clipped(result.pixels);
  return result;
}

/**
 * As torchvision's gaussian_blur with a kernel of 9, mirrored at the border.
 * @param {Picture} picture
 * @param {number} sigma in pixels; 0 for not at all
 * @returns {Float32Array}
 */
export function blurred({ pixels, height, width }, sigma) {
  if (!sigma) return pixels.slice();
  const bell = Array.from({ length: 9 }, (_, i) => Math.exp(-0.5 * ((i - 4) / sigma) ** 2));
  const sum = bell.reduce((total, weight) => total + weight), weights = bell.map((weight) => weight / sum);
  const felt = [...weights.keys()].filter((i) => weights[i] > 1e-9);
  /** @param {number} i @param {number} length */
  const mirrored = (i, length) => (i < 0 ? -i : i >= length ? 2 * length - 2 - i : i);
  const rows = new Float32Array(pixels.length), result = new Float32Array(pixels.length), line = width * 3;
  for (const k of felt)
    for (let j = 0; j < width; j++) {
      const from = 3 * mirrored(j + k - 4, width), to = 3 * j, weight = weights[k];
      for (let i = 0; i < pixels.length; i += line) {
        rows[i + to] += weight * pixels[i + from];
        rows[i + to + 1] += weight * pixels[i + from + 1];
        rows[i + to + 2] += weight * pixels[i + from + 2];
      }
    }
  for (let i = 0; i < height; i++)
    for (const k of felt) {
      const from = mirrored(i + k - 4, height) * line, to = i * line, weight = weights[k];
      for (let j = 0; j < line; j++) result[to + j] += weight * rows[from + j];
    }
  return result;
}

/** A picture moved by whole pixels, what leaves on one side comes in on the other. @param {Picture} picture @param {number} down @param {number} right @returns {Float32Array} */
export function rolled({ pixels, height, width }, down, right) {
  const result = new Float32Array(pixels.length), shift = ((right % width) + width) % width;
  for (let i = 0; i < height; i++) {
    const to = (((i + down) % height) + height) % height, cut = (i + 1) * width - shift;
    result.set(pixels.subarray(i * width * 3, cut * 3), (to * width + shift) * 3);
    result.set(pixels.subarray(cut * 3, (i + 1) * width * 3), to * width * 3);
  }
  return result;
}

const COLOR = [[0.26, 0.09, 0.02], [0.27, 0.0, -0.05], [0.27, -0.09, 0.03]]; // see helpers/dreams.py

/** How steps are drawn toward the colors of photos, (3, 3). @param {number} color from 0, not at all, to 1 */
export function mixing(color) {
  const covariance = COLOR.map((a) => COLOR.map((b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2]));
  const norm = Math.sqrt(covariance.flat().reduce((sum, value) => sum + value * value, 0));
  return covariance.map((row, i) =>
    row.map((value, j) => (color * value * Math.sqrt(3)) / norm + (i === j ? 1 - color : 0)),
  );
}

/** Waves' three planes to red, green and blue, (3, 3). */
export function decorrelated() {
  const norms = [0, 1, 2].map((c) => Math.hypot(...COLOR.map((row) => row[c]))), most = Math.max(...norms);
  return COLOR.map((row) => row.map((value) => value / most));
}

/**
 * As `dreams.natural_steps`: the gradient smoothed, drawn to the colors of photos, and scaled to a root mean square.
 * @param {Picture} gradient
 * @param {{size: number, color: number, blur: number, mask?: Float32Array}} settings size is the root mean square of
 *   the step; a mask (height, width) from 0 to 1 says where it may go
 * @returns {Float32Array}
 */
export function naturalStep(gradient, { size, color, blur, mask }) {
  const smooth = blurred(gradient, blur), [red, green, blue] = mixing(color);
  let [squares, places] = [0, 0];
  for (let i = 0, place = 0; i < smooth.length; i += 3, place++) {
    const [r, g, b] = [smooth[i], smooth[i + 1], smooth[i + 2]], weight = mask ? mask[place] : 1;
    smooth[i] = red[0] * r + red[1] * g + red[2] * b;
    smooth[i + 1] = green[0] * r + green[1] * g + green[2] * b;
    smooth[i + 2] = blue[0] * r + blue[1] * g + blue[2] * b;
    squares += weight * (smooth[i] ** 2 + smooth[i + 1] ** 2 + smooth[i + 2] ** 2);
    places += weight;
  }
  const by = size / (Math.sqrt(squares / (3 * Math.max(places, 1e-12))) + 1e-12);
  for (let i = 0; i < smooth.length; i++) smooth[i] *= by * (mask ? mask[(i / 3) | 0] : 1);
  return smooth;
}

export const SMALLEST_OCTAVE = 32; // pixels, as in helpers/dreams.py

/** Python's round: halves go to the even number. @param {number} value */
function round(value) {
  const floor = Math.floor(value);
  return value - floor === 0.5 ? floor + (floor & 1) : Math.round(value);
}

/** [height, width] of so many octaves, largest first. @param {number} height @param {number} width @param {number} octaves @param {number} ratio @returns {[number, number][]} */
const shrinking = (height, width, octaves, ratio) =>
  Array.from({ length: octaves }, (_, i) => [round(height * ratio ** -i), round(width * ratio ** -i)]);

/** How many of the octaves that are asked for a picture takes. @param {number} height @param {number} width @param {number} octaves @param {number} [ratio] */
export const fittingOctaves = (height, width, octaves, ratio = 1.4) =>
  shrinking(height, width, octaves, ratio).filter((size) => Math.min(...size) >= SMALLEST_OCTAVE).length;

/**
 * The [height, width] of each octave, smallest first; the last is the picture's own.
 * @param {number} height
 * @param {number} width
 * @param {number} octaves
 * @param {number} [ratio]
 * @returns {[number, number][]}
 */
export function octaveSizes(height, width, octaves, ratio = 1.4) {
  const fit = fittingOctaves(height, width, octaves, ratio);
  if (fit < octaves)
    throw new Error(
      `The smallest of ${octaves} sizes would be under ${SMALLEST_OCTAVE} pixels; this picture takes ${fit || "none"}: choose fewer, or a longer side.`,
    );
  return shrinking(height, width, octaves, ratio).reverse();
}

/** A plane (height, width) at another size, kept within [0, 1]. @param {Float32Array} plane @param {number} high @param {number} wide @param {number} height @param {number} width */
export function scaledPlane(plane, high, wide, height, width) {
  const three = new Float32Array(3 * plane.length);
  for (let i = 0; i < plane.length; i++) three[3 * i] = plane[i];
  const { pixels } = scaled({ pixels: three, height: high, width: wide }, height, width);
  return Float32Array.from({ length: height * width }, (_, i) => pixels[3 * i]);
}

/** Pixels as the bytes of a canvas. @param {Float32Array} pixels @returns {Uint8ClampedArray} (height, width, 4), opaque; rounded as `images.to_pil` does */
export function toBytes(pixels) {
  const bytes = new Uint8ClampedArray((pixels.length / 3) * 4);
  for (let i = 0, at = 0; i < pixels.length; i += 3, at += 4) {
    bytes[at] = pixels[i] * 255;
    bytes[at + 1] = pixels[i + 1] * 255;
    bytes[at + 2] = pixels[i + 2] * 255;
    bytes[at + 3] = 255;
  }
  return bytes;
}

/** The bytes of a canvas as pixels. @param {Uint8ClampedArray | Uint8Array} bytes @returns {Float32Array} */
export function toPixels(bytes) {
  const pixels = new Float32Array((bytes.length / 4) * 3);
  for (let i = 0, at = 0; i < pixels.length; i += 3, at += 4) {
    pixels[i] = bytes[at] / 255;
    pixels[i + 1] = bytes[at + 1] / 255;
    pixels[i + 2] = bytes[at + 2] / 255;
  }
  return pixels;
}
