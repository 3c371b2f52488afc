// The reader's photo: one for all laboratories of the book. It is read, kept and forgotten in this browser.

import { make } from "./dom.js";
import { packed } from "./machine.js";
import { toPixels } from "../pictures.js";

/** @typedef {import("../pictures.js").Picture} Picture */
/** @typedef {{left: number, top: number, side: number}} Square in pixels of the photo */

const KEY = "under-the-hood-photo";
const LARGEST = 1024; // pixels, the longer side of a photo that is kept
const SMALLEST = 32;
const LOSSLESS = 320 * 320; // pixels: up to here a photo is kept exactly, so that an illusion stays one
export const SIDE = 224; // pixels of the square that the network was trained on

/** A canvas of some size, and its context. @param {number} width @param {number} height @returns {[HTMLCanvasElement, CanvasRenderingContext2D]} */
export function canvas(width, height) {
  const element = make("canvas", { width, height });
  return [element, element.getContext("2d", { willReadFrequently: true })];
}

/** @param {string} name @param {string} type */
const heic = (name, type) => /\.hei[cf]$/i.test(name) || /hei[cf]/.test(type);

/**
 * Decode a picture.
 * @param {Blob} file
 * @param {string} name
 * @returns {Promise<{drawn: HTMLCanvasElement, words: string}>} at most `LARGEST` pixels long
 */
async function read(file, name) {
  if (file.type && !file.type.startsWith("image/")) throw new Error(`${name} is not a picture: choose a JPEG, PNG or WebP.`);
  const bitmap = await createImageBitmap(file).catch(() =>
    createImageBitmap(file, { resizeWidth: LARGEST, resizeQuality: "high" }).catch(() => null), // one too large as a whole
  );
  if (!bitmap) {
    const how = heic(name, file.type) ? "This browser cannot read HEIC photos" : `This browser cannot read ${name}`;
    throw new Error(`${how}: save it as JPEG or PNG, and choose that.`);
  }
  const { width, height } = bitmap, ratio = Math.min(1, LARGEST / Math.max(width, height));
  const [wide, high] = [Math.max(1, Math.round(width * ratio)), Math.max(1, Math.round(height * ratio))];
  if (Math.min(width, height) < SMALLEST) throw new Error(`${name} is ${width} × ${height} pixels; the shorter side needs ${SMALLEST}.`);
  if (Math.min(wide, high) < SMALLEST) throw new Error(`${name} is too narrow, ${width} × ${height} pixels: cut it to a squarer shape.`);
  const [drawn, context] = canvas(wide, high);
  context.fillStyle = "#fff"; // under what is transparent
  context.fillRect(0, 0, wide, high);
  context.imageSmoothingQuality = "high";
  context.drawImage(bitmap, 0, 0, wide, high);
  bitmap.close();
  return { drawn, words: ratio < 1 ? `Scaled down from ${width} × ${height} to ${wide} × ${high} pixels.` : "" };
}

class Photos extends EventTarget {
  /** @type {HTMLCanvasElement | null} */
  drawn = null;
  name = "";
  sample = "";
  words = "";
  scaled = false;
  /** @type {Square} */
  square = { left: 0, top: 0, side: 1 };

  /** @param {Blob} file @param {string} name @param {string} [sample] */
  async load(file, name, sample = "") {
    const { drawn, words } = await read(file, name);
    this.put(drawn, name, { sample, words });
  }

  /** @param {string} name of a sample @param {boolean} [keep] for the other pages */
  async loadSample(name, keep = true) {
    const { url } = packed.samples.find((/** @type {any} */ one) => one.name === name);
    const image = make("img", { src: url, alt: "" });
    await image.decode();
    const [drawn, context] = canvas(image.naturalWidth, image.naturalHeight);
    context.drawImage(image, 0, 0);
    this.put(drawn, name, { sample: name, keep });
  }

  /** @param {HTMLCanvasElement} drawn @param {string} name @param {{sample?: string, words?: string, keep?: boolean}} [more] */
  put(drawn, name, { sample = "", words = "", keep = true } = {}) {
    Object.assign(this, { drawn, name, sample, words, scaled: Boolean(words) });
    this.middle();
    if (keep) this.#keep();
    this.dispatchEvent(new Event("photo"));
  }

  /** The view of the classifiers: the middle square. */
  middle() {
    const { width, height } = /** @type {HTMLCanvasElement} */ (this.drawn), side = Math.min(width, height);
    this.square = { left: (width - side) >> 1, top: (height - side) >> 1, side };
  }

  /** Move the square that the network sees, within the photo. @param {Square} wanted */
  look({ left, top, side }) {
    const { width, height } = /** @type {HTMLCanvasElement} */ (this.drawn);
    side = Math.round(Math.min(Math.max(side, SMALLEST), width, height));
    const within = (/** @type {number} */ at, /** @type {number} */ length) => Math.round(Math.min(Math.max(at, 0), length - side));
    this.square = { left: within(left, width), top: within(top, height), side };
    this.dispatchEvent(new Event("square"));
  }

  /** The square as pixels, in the photo's own resolution. @returns {Picture} */
  seen() {
    const { left, top, side } = this.square, context = /** @type {HTMLCanvasElement} */ (this.drawn).getContext("2d");
    const { data } = /** @type {CanvasRenderingContext2D} */ (context).getImageData(left, top, side, side);
    return { pixels: toPixels(data), height: side, width: side };
  }

  /** The whole photo, scaled to so many pixels on its longer side. @param {number} longest @returns {Picture} */
  whole(longest) {
    const drawn = /** @type {HTMLCanvasElement} */ (this.drawn), ratio = longest / Math.max(drawn.width, drawn.height);
    const [width, height] = [drawn.width, drawn.height].map((length) => Math.max(SMALLEST, Math.round(length * ratio)));
    const [, context] = canvas(width, height);
    context.imageSmoothingQuality = "high";
    context.drawImage(drawn, 0, 0, width, height);
    return { pixels: toPixels(context.getImageData(0, 0, width, height).data), height, width };
  }

  #keep() {
    const drawn = /** @type {HTMLCanvasElement} */ (this.drawn), exact = drawn.width * drawn.height <= LOSSLESS;
    try {
      const url = exact ? drawn.toDataURL("image/png") : drawn.toDataURL("image/jpeg", 0.93);
      localStorage.setItem(KEY, JSON.stringify({ url, name: this.name, sample: this.sample, words: this.words }));
    } catch {
      this.words += " This browser does not keep it for the other pages.";
    }
  }

  /** The photo that an earlier page kept, or else a sample. @param {string} [otherwise] */
  async recall(otherwise = "cat") {
    try {
      const { url, name, sample, words } = JSON.parse(localStorage.getItem(KEY) ?? "");
      if (sample) return await this.loadSample(sample);
      const image = make("img", { src: url, alt: "" });
      await image.decode();
      const [drawn, context] = canvas(image.naturalWidth, image.naturalHeight);
      context.drawImage(image, 0, 0);
      this.put(drawn, name, { words, keep: false });
    } catch {
      await this.loadSample(otherwise, false);
    }
  }

  /** Forget the photo, here and on all pages. */
  async forget() {
    try {
      localStorage.removeItem(KEY);
    } catch { /* then there is nothing to forget */ }
    await this.loadSample("cat", false);
  }

  /** The line of Python that loads it. @param {number} [longest] pixels; else as it is kept */
  python(longest) {
    const { width, height } = /** @type {HTMLCanvasElement} */ (this.drawn), kept = Math.max(width, height);
    const sample = packed.samples.find((/** @type {any} */ one) => one.name === this.sample);
    const size = (longest ?? kept) !== kept || this.scaled || sample?.size ? `, size=${longest ?? kept}` : "";
    return `photo = images.${this.sample ? "sample" : "load"}(${JSON.stringify(this.sample || this.name)}${size})`;
  }

  /** The lines of Python that cut out what the network sees. */
  pythonView() {
    const { left, top, side } = this.square, { width, height } = /** @type {HTMLCanvasElement} */ (this.drawn);
    const middle = left === (width - side) >> 1 && top === (height - side) >> 1 && side === Math.min(width, height);
    const cut = middle ? "photo" : `photo[:, :, ${top}:${top + side}, ${left}:${left + side}]`;
    return `${this.python()}\nview = images.square(${cut})`;
  }
}

/** One for all laboratories of a page. */
export const photos = new Photos();

const squared = document.createElement("canvas");

/** Draw a picture onto a canvas, scaled to its size. @param {HTMLCanvasElement} onto @param {Uint8ClampedArray} bytes @param {number} width @param {number} height */
export function paint(onto, bytes, width, height) {
  const context = /** @type {CanvasRenderingContext2D} */ (onto.getContext("2d"));
  const data = new ImageData(/** @type {any} */ (bytes), width, height);
  if (onto.width === width && onto.height === height) return context.putImageData(data, 0, 0);
  [squared.width, squared.height] = [width, height];
  /** @type {CanvasRenderingContext2D} */ (squared.getContext("2d")).putImageData(data, 0, 0);
  context.imageSmoothingQuality = "high";
  context.drawImage(squared, 0, 0, onto.width, onto.height);
}
