// The engine against PyTorch: tests/test_lab.py writes the references into a folder and names it in LAB_REFERENCES.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import test from "node:test";
import * as climbing from "../../book/lab/climbing.js";
import { Engine } from "../../book/lab/engine.js";
import { octaveSizes } from "../../book/lab/pictures.js";
import { PLAIN, stitches } from "../../book/lab/stitches.js";
import { unpack } from "../../book/lab/weights.js";
import { classScore, composed } from "../../book/lab/waves.js";

const folder = process.env.LAB_REFERENCES;
const lab = new URL("../../book/lab/", import.meta.url);
const bytes = (name) => new Uint8Array(fs.readFileSync(path.join(folder, name))).buffer;
const floats = (name) => new Float32Array(bytes(name));
const references = JSON.parse(fs.readFileSync(path.join(folder, "references.json")));
const picture = ({ name, height, width }) => ({ pixels: floats(`${name}.pixels`), height, width });

function engineOf(precision, kernels = "kernels.wasm") {
  const { operations } = references.networks[precision];
  return new Engine(fs.readFileSync(new URL(kernels, lab)), operations, unpack(operations, bytes(`${precision}.weights`)));
}
const engines = { float32: engineOf("float32"), mixed: engineOf("mixed") };
const relaxed = new URL("kernels_relaxed.wasm", lab);
if (WebAssembly.validate(fs.readFileSync(relaxed))) engines.relaxed = engineOf("mixed", "kernels_relaxed.wasm");
const expected = (engine, name, what) => floats(`${name}.${engine === "float32" ? "float32" : "mixed"}.${what}`);

const farthest = (a, b) => a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i])), 0);
function cosine(a, b) {
  let [ab, aa, bb] = [0, 0, 0];
  a.forEach((value, i) => {
    ab += value * b[i];
    aa += value * value;
    bb += b[i] * b[i];
  });
  return ab / Math.sqrt(aa * bb);
}

for (const [name, engine] of Object.entries(engines))
  for (const shown of references.pictures) {
    const { pixels, height, width } = picture(shown);

    test(`${name}, ${shown.name}: logits`, () => {
      const off = farthest(engine.forward(pixels, height, width), expected(name, shown.name, "logits"));
      assert.ok(off < (name === "float32" ? 1e-4 : 1e-3), `${off}`);
    });

    test(`${name}, ${shown.name}: gradients`, () => {
      const attacked = climbing.logProbability(engine, references.category, -1)({ pixels, height, width });
      assert.ok(cosine(attacked.gradient, expected(name, shown.name, "attack")) > 0.9999);
      for (const layer of references.layers) {
        const { score, gradient } = climbing.layerStrength(engine, layer)({ pixels, height, width });
        assert.ok(Math.abs(score / shown.strengths[name === "float32" ? "float32" : "mixed"][layer] - 1) < 1e-4);
        assert.ok(cosine(gradient, expected(name, shown.name, layer)) > 0.9999, layer);
      }
    });
  }

test("one channel grows as in PyTorch", () => {
  const objective = climbing.channelMean(engines.mixed, "blocks.4.2", 7), given = picture(references.pictures[0]);
  assert.ok(cosine(objective(given).gradient, floats("channel")) > 0.9999);
  assert.throws(() => climbing.channelMean(engines.mixed, "blocks.4.2", 5000), /channels 0 to 111/);
});

test("the score of a class image, and its slope", () => {
  const views = references.views.map((name) => ({ pixels: floats(name), height: 96, width: 96 }));
  const { score, gradients } = classScore(engines.mixed, references.usual, views, references.category);
  assert.ok(Math.abs(score - references.score) < 2e-3 * Math.abs(references.score), `${score} ${references.score}`);
  gradients.forEach((gradient, i) => assert.ok(cosine(gradient, floats(`${references.views[i]}.slope`)) > 0.999));
});

test("waves make the picture that PyTorch makes of them, and pass its slope on", () => {
  const { picture: made, back } = composed(floats("waves"), 64, 20);
  assert.ok(farthest(made.pixels, floats("waves.picture")) < 1e-5);
  assert.ok(cosine(back(floats("waves.gradient")), floats("waves.slope")) > 0.99999);
});

test("a first dream step is that of Python: everywhere where no switch flips, else nearly so", async () => {
  // a switch that stands on its edge flips by rounding, and moves the few pixels that it sees; more at later sizes
  const bounds = { steady: [1, 0.01], "wide-1": [0.999, 1], "wide-4": [0.5, 0.5] }; // share of the values, gray levels
  for (const { settings, ...given } of references.dreams) {
    const [share, bound] = bounds[given.name], python = floats(`${given.name}.dream`);
    for (const engine of [engines.mixed, engines.relaxed].filter(Boolean)) {
      const dream = await climbing.climb(picture(given), climbing.layerStrength(engine, settings.layer), settings, async () => true);
      const off = dream.pixels.map((value, i) => 255 * Math.abs(value - python[i])).sort();
      const most = off[Math.ceil(share * off.length) - 1];
      assert.ok(most < bound, `${given.name}: ${most} gray levels`);
    }
  }
});

test("the attack flips what Python flips", async () => {
  let same = 0;
  for (const { category, to, ...given } of references.attacks) {
    const settings = { category, toward: false, epsilon: 1 / 255, steps: 4 };
    const engine = engines.relaxed ?? engines.mixed;
    const moved = await climbing.attack(engine, picture(given), settings, async () => true);
    const shares = climbing.answers(engine, moved), best = shares.indexOf(Math.max(...shares));
    assert.ok(farthest(moved.pixels, floats(`${given.name}.pixels`)) <= 1 / 255 + 1e-6);
    same += Number(best !== category && to !== category);
  }
  assert.ok(same >= 9, `${same} of ${references.attacks.length}`);
});

test("the least epsilon is where the attack begins to succeed", async () => {
  const { category, ...first } = references.attacks[0], given = picture(first);
  const settings = { category, toward: false, most: 2 / 255, halvings: 3, steps: 3 };
  const { epsilon, picture: moved } = await climbing.leastEpsilon(engines.mixed, given, settings, async () => true);
  assert.ok(Math.abs(epsilon - references.least) < 1e-9, `${epsilon} ${references.least}`);
  assert.ok(farthest(moved.pixels, given.pixels) <= epsilon + 1e-6);
  const stopped = await climbing.leastEpsilon(engines.mixed, given, settings, async () => false);
  assert.ok(Number.isNaN(stopped.epsilon));
});

test("whoever is told may stop a dream, and gets it as far as it came", async () => {
  const given = picture(references.pictures[0]), told = [];
  const settings = { octaves: 2, steps: 5, size: 0.015, color: 0.6, blur: 0.5, jitter: 4, seed: 0 };
  const stop = async (step) => told.push(step.step) < 2;
  const dream = await climbing.climb(given, climbing.layerStrength(engines.mixed, "blocks.2.0"), settings, stop);
  assert.deepEqual(told, [1, 2]);
  assert.equal(dream.pixels.length, given.pixels.length);
  assert.ok(farthest(dream.pixels, given.pixels) > 0.01);
});

test("a dream under a mask leaves the rest as it is", async () => {
  const given = picture(references.pictures[0]), { height, width } = given;
  const mask = Float32Array.from({ length: height * width }, (_, i) => Number(i % width < width / 2));
  const settings = { octaves: 1, steps: 2, size: 0.015, color: 0.6, blur: 0.5, jitter: 4, seed: 0, mask };
  const dream = await climbing.climb(given, climbing.layerStrength(engines.mixed, "blocks.2.0"), settings, async () => true);
  const moved = dream.pixels.map((value, i) => Math.abs(value - given.pixels[i]));
  assert.equal(moved.filter((_, i) => !mask[Math.floor(i / 3)]).reduce((a, b) => Math.max(a, b)), 0);
  assert.ok(moved.reduce((a, b) => Math.max(a, b)) > 0.01);
});

test("sizes alternate, and answers stay the same", () => {
  const [small, large] = references.pictures.map(picture), engine = engines.mixed;
  const ask = ({ pixels, height, width }) => engine.forward(pixels, height, width).slice();
  const first = ask(small);
  ask(large);
  assert.deepEqual(ask(small), first);
});

test("what looks at what: light from 0 to 1, where it was asked for", () => {
  const given = picture(references.pictures[0]), engine = engines.mixed, side = given.height;
  const lights = climbing.layerLights(engine, given);
  assert.equal(lights.length, 16);
  for (const { light, high, wide } of lights) assert.ok(light.length === high * wide && Math.max(...light) === 1);
  const where = { block: "blocks.1.0", across: 0.1, down: 0.9, channel: null };
  const place = climbing.placeGradient(engine, given, where);
  place.forEach((value, i) => {
    const [row, column] = [Math.floor(i / side), i % side];
    if (value > 0.01) assert.ok(Math.abs(row / side - 0.9) < 0.2 && Math.abs(column / side - 0.1) < 0.2);
  });
  assert.ok(climbing.answerGradient(engine, given, references.category).some((value) => value > 0.5));
});

test("stitches are drawn as in Python", () => {
  for (const [name, numbers] of [["plain", PLAIN], ["bent", references.bent]]) {
    const off = farthest(stitches(numbers, 48).pixels, floats(`stitches.${name}`));
    assert.ok(off < 1.01 / 255, `${name}: ${255 * off}`);
  }
});

test("errors say what to do", () => {
  assert.throws(() => engines.mixed.index("blocks.9.9"), /no layer blocks.9.9/);
  assert.throws(() => octaveSizes(64, 64, 9), /takes 3/);
});
