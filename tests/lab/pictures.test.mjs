// Functions of pictures and the transform of waves, against plain definitions.
import assert from "node:assert/strict";
import test from "node:test";
import { random } from "../../book/lab/chance.js";
import { softmax } from "../../book/lab/climbing.js";
import { decoded } from "../../book/lab/digits.js";
import * as pictures from "../../book/lab/pictures.js";
import { transform } from "../../book/lab/waves.js";

const some = (height, width, seed = 1) => {
  const chance = random(seed);
  return { pixels: Float32Array.from({ length: height * width * 3 }, chance), height, width };
};
const near = (a, b, off = 1e-6) => a.forEach((value, i) => assert.ok(Math.abs(value - b[i]) < off, `${i}: ${value} ${b[i]}`));

test("a plain picture stays plain at any size, and a size of its own is a copy", () => {
  const plain = { pixels: new Float32Array(20 * 30 * 3).fill(0.25), height: 20, width: 30 };
  near(pictures.resize(plain, 7, 41).pixels, new Float32Array(7 * 41 * 3).fill(0.25));
  const same = pictures.resize(plain, 20, 30);
  assert.notEqual(same.pixels, plain.pixels);
  assert.deepEqual(same.pixels, plain.pixels);
});

test("a roll and its way back are the picture again", () => {
  const given = some(5, 7), there = { ...given, pixels: pictures.rolled(given, 3, -9) };
  assert.equal(there.pixels[(3 * 7 + 5) * 3], given.pixels[0]);
  assert.deepEqual(pictures.rolled(there, -3, 9), given.pixels);
});

test("a blur keeps the sum of a spot, and mirrors at the border", () => {
  const spot = { pixels: new Float32Array(15 * 15 * 3), height: 15, width: 15 };
  spot.pixels[(7 * 15 + 7) * 3] = 1;
  const soft = pictures.blurred(spot, 1);
  assert.ok(Math.abs(soft.reduce((a, b) => a + b) - 1) < 1e-6);
  assert.ok(Math.abs(soft[(7 * 15 + 8) * 3] / soft[(7 * 15 + 7) * 3] - Math.exp(-0.5)) < 1e-6);
  near(pictures.blurred({ ...spot, pixels: spot.pixels.fill(0.5) }, 0.5), spot.pixels);
});

test("a step has the size that was asked for, under a mask inside of it", () => {
  const gradient = some(8, 8);
  const rms = (values) => Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
  assert.ok(Math.abs(rms(pictures.naturalStep(gradient, { size: 0.02, color: 0.6, blur: 0.5 })) - 0.02) < 1e-6);
  const mask = new Float32Array(64).fill(1, 0, 32);
  const step = pictures.naturalStep(gradient, { size: 0.02, color: 0, blur: 0, mask });
  assert.ok(Math.abs(rms(step.subarray(0, 96)) - 0.02) < 1e-6);
  assert.ok(step.subarray(96).every((value) => value === 0));
});

test("bytes and pixels round as a file does", () => {
  const bytes = Uint8ClampedArray.from({ length: 1024 }, (_, i) => (i % 4 === 3 ? 255 : i >> 2));
  assert.deepEqual(pictures.toBytes(pictures.toPixels(bytes)), bytes);
  assert.equal(pictures.toBytes(Float32Array.of(1.4, -0.2, 0.5))[0], 255);
});

test("the transform of waves against its definition, and back", () => {
  const side = 8, given = some(side, side, 3).pixels.subarray(0, 64);
  const plane = { real: Float64Array.from(given), imaginary: new Float64Array(64) };
  transform(plane, side, -1);
  for (const [row, column] of [[0, 0], [3, 5], [7, 1]]) {
    let [re, im] = [0, 0];
    for (let i = 0; i < 64; i++) {
      const angle = (-2 * Math.PI * (row * Math.floor(i / side) + column * (i % side))) / side;
      re += (given[i] * Math.cos(angle)) / side;
      im += (given[i] * Math.sin(angle)) / side;
    }
    assert.ok(Math.hypot(plane.real[row * side + column] - re, plane.imaginary[row * side + column] - im) < 1e-9);
  }
  transform(plane, side, 1);
  near(plane.real, given);
});

test("octaves, chance and shares", () => {
  assert.deepEqual(pictures.octaveSizes(300, 451, 4), [[109, 164], [153, 230], [214, 322], [300, 451]]);
  assert.deepEqual([[300, 451], [67, 320], [31, 320]].map(([height, width]) => pictures.fittingOctaves(height, width, 4)), [4, 3, 0]);
  assert.equal(random(5)(), random(5)());
  const draws = Array.from({ length: 1000 }, random(9));
  assert.ok(Math.abs(draws.reduce((a, b) => a + b) / 1000 - 0.5) < 0.05);
  near(softmax(Float32Array.of(1000, 1000)), [0.5, 0.5]);
});

test("text is bytes again, whatever their number", () => {
  assert.equal(new TextDecoder().decode(decoded("Xk~0{Z!92Ud30rSAp")), "hello, bytes!");
  assert.deepEqual([...decoded("0RIp")], [0, 255, 16]);
  assert.deepEqual([...decoded("`uqI-{{LZO")], [250, 251, 252, 253, 254, 255, 97, 98]);
});
