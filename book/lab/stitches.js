// Drawings of five columns of red stitches on white, and their breeding by hand: chapter 4, in the page.

import { normal, random } from "./chance.js";
import { clamp } from "./pictures.js";

/** @typedef {import("./pictures.js").Picture} Picture */

/** What the 16 numbers of a drawing mean: see `patterns.stitches`. */
const RANGES = {
  white: [0.97, 1], tint: [0, 0.03], red: [0.6, 0.95], other: [0, 0.25], gap: [0.12, 0.19], shift: [-0.05, 0.05],
  bow: [-1, 1], sway: [-0.4, 0.4], lean: [-0.2, 0.2], step: [0.04, 0.14], arm: [0.02, 0.055], thick: [3e-3, 0.012],
  slope: [-1.2, 1.2], seam: [-3e-3, 6e-3], phase: [0, 1], stagger: [-0.5, 0.5],
};
export const LENGTH = Object.keys(RANGES).length;

/**
 * As `patterns.stitches`, rounded to 8 bits.
 * @param {number[]} numbers from 0 to 1
 * @param {number} side in pixels
 * @returns {Picture}
 */
export function stitches(numbers, side) {
  const n = Object.fromEntries(Object.entries(RANGES).map(([name, [low, high]], i) => [name, low + (high - low) * numbers[i]]));
  const paper = [n.white, n.white - n.tint / 2, n.white - n.tint], thread = [n.red, n.other, n.other];
  const pixels = new Float32Array(side * side * 3), steep = Math.sqrt(1 + n.slope ** 2);
  for (let i = 0, at = 0; i < side; i++)
    for (let j = 0; j < side; j++, at += 3) {
      const x = (j + 0.5) / side, y = (i + 0.5) / side;
      let ink = 0;
      for (let column = -2; column <= 2; column++) {
        const curve = (n.bow + n.sway * (column % 2 ? -1 : 1)) * ((y - 0.5) ** 2 - 0.08) + n.lean * (y - 0.5);
        const aside = Math.abs(x - 0.5 - n.shift - column * n.gap - curve);
        const turn = (y - n.slope * Math.min(aside, n.arm)) / n.step + n.phase + n.stagger * column + 0.5;
        const above = (Math.abs(turn - Math.floor(turn) - 0.5) * n.step) / steep;
        const inside = Math.max(n.thick - Math.hypot(above, Math.max(0, aside - n.arm)), n.seam - aside);
        ink = Math.max(ink, clamp(inside * side + 0.5, 0, 1));
      }
      for (let c = 0; c < 3; c++) pixels[at + c] = Math.round(255 * (paper[c] + (thread[c] - paper[c]) * ink)) / 255;
    }
  return { pixels, height: side, width: side };
}

/** The straight columns that chapter 4 begins with. */
export const PLAIN = Array.from({ length: LENGTH }, (_, i) => (i === 13 ? 1 : 0.5));

/**
 * Eight children of one parent, each changed a little; the best takes its place if it is better.
 * @param {(picture: Picture) => Promise<number>} judge
 * @param {{rounds: number, side: number, seed: number}} settings
 * @param {(tried: number, of: number, best: number, picture: Picture) => boolean} told whether to go on
 * @returns {Promise<{best: number, picture: Picture}>}
 */
export async function bred(judge, { rounds, side, seed }, told) {
  const chance = random(seed);
  let parent = Array.from({ length: LENGTH }, () => chance()), best = 0, tried = 0;
  for (let round = 0; round < rounds; round++) {
    const brood = Array.from({ length: 8 }, () => parent.map((number) => clamp(number + 0.12 * normal(chance), 0, 1)));
    for (const child of brood) {
      const score = await judge(stitches(child, side));
      if (score > best) [best, parent] = [score, child];
      if (!told(++tried, 8 * rounds, best, stitches(parent, side))) return { best, picture: stitches(parent, side) };
    }
  }
  return { best, picture: stitches(parent, side) };
}
