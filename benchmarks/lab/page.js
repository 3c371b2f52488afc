// One pass of each engine in turn, round after round. The engine's modules, and GIVEN, stand above this in the script.

const bytesOf = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
const { side, layer, operations } = GIVEN;
const pixels = new Float32Array(bytesOf(GIVEN.pixels).buffer), parameters = unpack(operations, bytesOf(GIVEN.weights).buffer);
const CATEGORY = 281;

function ours() {
  const engine = new Engine(bytesOf(GIVEN.kernels), operations, parameters), picture = { pixels, height: side, width: side };
  const attacked = logProbability(engine, CATEGORY, -1), dreamed = layerStrength(engine, layer);
  return {
    forward: async () => engine.forward(pixels, side, side),
    attack: async () => attacked(picture).gradient,
    dream: async () => dreamed(picture).gradient,
  };
}

async function tfjs() {
  tf.wasm.setWasmPaths("node_modules/@tensorflow/tfjs-backend-wasm/dist/");
  tf.wasm.setThreadsCount?.(1);
  await tf.setBackend("wasm");
  const layers = operations.map(({ kind, size, inputs, outputs }, i) => {
    const { weights, bias } = parameters[i], flipped = new Float32Array(weights.length);
    const shape = kind === "dw" ? [size, size, outputs, 1] : kind === "conv" ? [3, 3, 3, outputs] : [1, 1, inputs, outputs];
    if (kind === "dw") for (let p = 0; p < size * size; p++) flipped.set(weights.subarray(p * outputs, (p + 1) * outputs), (size * size - 1 - p) * outputs);
    const w = tf.tensor(weights, shape);
    const back = kind === "dw" ? tf.tensor(flipped, shape) : kind === "conv" ? w : tf.transpose(w, [0, 1, 3, 2]);
    return { w, back, b: tf.tensor(bias) };
  });
  const ends = operations.findIndex(({ block }) => block === layer);

  function forward(x, last) {
    const outputs = [];
    let y = tf.sub(tf.mul(x, 2), 1), start = y;
    for (let i = 0; i <= last; i++) {
      const { kind, step, clip, skip, block } = operations[i], { w, b } = layers[i];
      const settings = { x: y, filter: w, strides: step, pad: "same", bias: b, activation: clip ? "relu6" : "linear" };
      if (kind === "fc") y = tf.fused.conv2d({ ...settings, x: tf.mean(y, [1, 2], true) });
      else y = kind === "dw" ? tf.fused.depthwiseConv2d(settings) : tf.fused.conv2d(settings);
      if (skip) y = tf.add(y, start);
      outputs.push(y);
      if (block || kind === "conv") start = y;
    }
    return outputs;
  }

  /** A gradient with a row and a column of zeros behind each of its own. */
  function spread(g) {
    const [, high, wide, channels] = g.shape;
    const across = tf.reshape(tf.concat([g, tf.zerosLike(g)], 3), [1, high, 2 * wide, channels]);
    return tf.reshape(tf.concat([across, tf.zerosLike(across)], 2), [1, 2 * high, 2 * wide, channels]);
  }

  function backward(g, outputs, last) {
    let around = null;
    for (let i = last; i >= 0; i--) {
      const { kind, size, step, clip, skip } = operations[i], { back } = layers[i], before = i ? outputs[i - 1].shape : [1, side, side, 3];
      if (skip) around = g;
      if (clip) g = tf.mul(g, tf.cast(tf.logicalAnd(tf.greater(outputs[i], 0), tf.less(outputs[i], 6)), "float32"));
      if (kind === "fc") g = tf.mul(tf.conv2d(g, back, 1, "same"), tf.fill([1, before[1], before[2], 1], 1 / (before[1] * before[2])));
      else if (kind === "pw") g = tf.conv2d(g, back, 1, "same");
      else if (kind === "dw" && step === 1) g = tf.depthwiseConv2d(g, back, 1, "same");
      else if (kind === "dw") {
        const total = Math.max((g.shape[1] - 1) * 2 + size - before[1], 0), top = size - 1 - (total >> 1);
        const wide = spread(g), below = before[1] + size - 1 - wide.shape[1] - top;
        const padded = tf.pad(wide, [[0, 0], [top, Math.max(0, below)], [top, Math.max(0, below)], [0, 0]]);
        const cut = below < 0 ? tf.slice(padded, [0, 0, 0, 0], [1, before[1] + size - 1, before[2] + size - 1, padded.shape[3]]) : padded;
        g = tf.depthwiseConv2d(cut, back, 1, "valid");
      } else g = tf.conv2dTranspose(g, back, before, 2, "same");
      const first = i && (operations[i - 1].block || operations[i - 1].kind === "conv");
      if (first && around) [g, around] = [tf.add(g, around), null];
    }
    return tf.mul(g, 2);
  }

  const x = tf.tensor(pixels, [1, side, side, 3]), wanted = tf.oneHot(tf.tensor1d([CATEGORY], "int32"), 1000).reshape([1, 1, 1, 1000]);
  const last = operations.length - 1, run = (work) => async () => tf.tidy(() => work().dataSync());
  return {
    forward: run(() => forward(x, last)[last]),
    attack: run(() => {
      const outputs = forward(x, last);
      return backward(tf.sub(tf.softmax(outputs[last]), tf.cast(wanted, "float32")), outputs, last);
    }),
    dream: run(() => {
      const outputs = forward(x, ends);
      return backward(tf.mul(outputs[ends], 2 / outputs[ends].size), outputs, ends);
    }),
  };
}

async function ort_() {
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmPaths = new URL("node_modules/onnxruntime-web/dist/", location.href).href;
  const planes = new Float32Array(pixels.length), area = side * side;
  pixels.forEach((value, i) => (planes[(i % 3) * area + Math.floor(i / 3)] = value));
  const feeds = { pixels: new ort.Tensor("float32", planes, [1, 3, side, side]) };
  const wanted = new ort.Tensor("float32", Float32Array.from({ length: 1000 }, (_, i) => Number(i === CATEGORY)), [1, 1000]);
  const sides = {};
  for (const task of ["forward", "attack", "dream"]) {
    const session = await ort.InferenceSession.create(`${task}.onnx`, { executionProviders: ["wasm"] });
    const given = task === "attack" ? { ...feeds, wanted } : feeds;
    sides[task] = async () => {
      const found = (await session.run(given))[session.outputNames[0]].data;
      return task === "forward" ? found : Float32Array.from(found, (_, i) => found[(i % 3) * area + Math.floor(i / 3)]);
    };
  }
  return sides;
}

function agreement(a, b) {
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) [ab, aa, bb] = [ab + a[i] * b[i], aa + a[i] * a[i], bb + b[i] * b[i]];
  return ab / Math.sqrt(aa * bb);
}

globalThis.measure = async (rounds) => {
  const sides = { ours: ours(), tfjs: await tfjs(), ort: await ort_() }, ms = {}, agree = {};
  for (const task of ["forward", "attack", "dream"]) {
    const mine = Float32Array.from(await sides.ours[task]());
    ms[task] = { ours: [], tfjs: [], ort: [] };
    for (const name of ["tfjs", "ort"]) agree[`${task} ${name}`] = agreement(mine, await sides[name][task]());
    for (let round = -1; round < rounds; round++) // the first one warms up
      for (const [name, side] of Object.entries(sides)) {
        const start = performance.now();
        await side[task]();
        if (round >= 0) ms[task][name].push(performance.now() - start);
      }
  }
  return { ms, agreement: agree };
};
