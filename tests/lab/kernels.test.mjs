// A fresh build of kernels.c, in the folder LAB_KERNELS, against the committed one: the same numbers for the same input.
import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import test from "node:test";
import { random } from "../../book/lab/chance.js";

const lab = new URL("../../book/lab/", import.meta.url);
const load = (file) => {
  const memory = new WebAssembly.Memory({ initial: 32 });
  const instance = new WebAssembly.Instance(new WebAssembly.Module(fs.readFileSync(file)), { env: { memory } });
  return { ...instance.exports, memory };
};
const ROOM = 1 << 16, FLOATS = 1 << 15; // bytes between two arrays that begin at 1 << 17; and what is compared
const at = (i) => (1 << 17) + i * ROOM;

// [kernel, arguments with at(0) to at(3) filled with noise and at(4) for the result]
const CALLS = [
  ["product", at(0), 24, at(1), at(2), at(3), at(4), 23, 24, 40, 1],
  ["product", at(0), 24, at(1), 0, 0, at(4), 23, 24, 40, 0],
  ["depthwise", at(0), at(1), at(2), at(4), 9, 7, 24, 5, 2, 2, 1, 5, 4],
  ["depthwise", at(0), at(1), at(2), at(4), 9, 7, 32, 3, 1, 1, 1, 9, 7],
  ["depthwise_back", at(0), at(1), at(4), 9, 7, 24, 5, 2, 2, 1, 5, 4],
  ["pass_where_live", at(4), at(1), 800],
  ["add", at(4), at(1), 800],
  ["scale", at(1), at(4), 800, 0.3],
  ["unfold", at(0), at(4), 11, 10, 3, 2, 0, 1, 5, 5, 28],
  ["unfold_back", at(0), at(4), 11, 10, 3, 2, 0, 1, 5, 5, 32],
  ["average", at(0), at(4), 30, 24],
  ["average_back", at(0), at(4), 30, 24],
];

const FILES = ["kernels.wasm", "kernels_relaxed.wasm"].filter((file) => WebAssembly.validate(fs.readFileSync(new URL(file, lab))));

for (const file of FILES) {
  const builds = [load(new URL(file, lab)), load(path.join(process.env.LAB_KERNELS, file))];
  test(`${file}: the same functions`, () => {
    assert.deepEqual(Object.keys(builds[1]).sort(), Object.keys(builds[0]).sort());
  });
  for (const [name, ...given] of CALLS)
    test(`${file}: ${name}(${given.length} arguments)`, () => {
      const [committed, fresh] = builds.map((build) => {
        const all = new Float32Array(build.memory.buffer, 1 << 17), chance = random(7);
        for (let i = 0; i < 5 * (ROOM / 4); i++) all[i] = 9 * chance() - 2;
        build[name](...given);
        return [...new Float32Array(build.memory.buffer, at(4), FLOATS / 4), build.sum_of_squares(at(1), 800)];
      });
      committed.forEach((value, i) => assert.ok(Math.abs(value - fresh[i]) <= 1e-5 * Math.max(1, Math.abs(value)), `${i}`));
    });
}
