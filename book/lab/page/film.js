// An animation from still pictures: the WebP files of a canvas, joined into one that moves.

export const FRAMES = 40; // of the making of a dream, at most
const DURATION = 100, LAST = 1500; // milliseconds

/** @param {string} text */
const letters = (text) => Array.from(text, (letter) => letter.charCodeAt(0));
/** @param {number} value @param {number} count of bytes, the least first */
const number = (value, count) => Array.from({ length: count }, (_, i) => (value >>> (8 * i)) & 255);

/** A chunk of a RIFF file, filled up to an even length. @param {string} name @param {(number[] | Uint8Array)[]} parts */
function chunk(name, parts) {
  const length = parts.reduce((sum, part) => sum + part.length, 0), bytes = new Uint8Array(8 + length + (length & 1));
  bytes.set([...letters(name), ...number(length, 4)]);
  let at = 8;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** The chunks of a still WebP that hold its picture. @param {Uint8Array} file */
function inside(file) {
  const found = [], view = new DataView(file.buffer, file.byteOffset);
  for (let at = 12; at + 8 <= file.length; ) {
    const name = String.fromCharCode(...file.subarray(at, at + 4)), end = at + 8 + view.getUint32(at + 4, true);
    if (["ALPH", "VP8 ", "VP8L"].includes(name)) found.push(file.subarray(at, end + (end & 1)));
    at = end + (end & 1);
  }
  return found;
}

/**
 * Stills of one size as a film that ends on the last for a while, and begins again.
 * @param {(Blob | null)[]} stills
 * @param {number} width
 * @param {number} height
 * @returns {Promise<Blob>}
 */
export async function animated(stills, width, height) {
  if (stills.some((still) => still?.type !== "image/webp")) throw new Error("This browser writes no WebP, so it cannot save the making: Chrome and Firefox can.");
  const files = await Promise.all(stills.map(async (still) => new Uint8Array(await /** @type {Blob} */ (still).arrayBuffer())));
  const size = [...number(width - 1, 3), ...number(height - 1, 3)];
  const frames = files.map((file, i) =>
    chunk("ANMF", [[...number(0, 6), ...size, ...number(i + 1 < files.length ? DURATION : LAST, 3), 2], ...inside(file)]));
  const head = [chunk("VP8X", [[2, 0, 0, 0, ...size]]), chunk("ANIM", [[255, 255, 255, 255, 0, 0]])];
  return new Blob([chunk("RIFF", [letters("WEBP"), ...head, ...frames])], { type: "image/webp" });
}
