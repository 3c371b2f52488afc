// The network forward and backward. All it holds is convolutions, clips at 0 and 6, additions and one average, so
// the backward pass is written out by hand: each operation knows how to hand a gradient on to its input.

/**
 * One operation of the folded network.
 * @typedef {object} Operation
 * @property {string} name of PyTorch's module
 * @property {"conv"|"dw"|"pw"|"fc"} kind first layer, depthwise, 1 by 1, or last layer
 * @property {number} size side of the filters in pixels
 * @property {number} step stride
 * @property {number} inputs channels
 * @property {number} outputs channels
 * @property {boolean} clip whether the outputs are clipped to 0..6
 * @property {boolean} skip whether the input of the block is added
 * @property {string} [block] name of the block that ends here
 */

/**
 * How large the picture is where an operation stands, in places; `top` and `left` zeros stand before it.
 * @typedef {{height: number, width: number, high: number, wide: number, top: number, left: number}} Extent
 */

/**
 * Where a pass through pictures of one size keeps its values: addresses in the kernels' memory.
 * @typedef {object} Plan
 * @property {string} key
 * @property {number} pixels
 * @property {number} rows what the first layer sees, place by place
 * @property {number} pooled
 * @property {number[]} outputs of each operation
 * @property {Extent[]} extents
 * @property {[number, number]} gradients room for two, used in turn
 * @property {number} kept the gradient that goes around a block
 */

/** @typedef {(gradient: Float32Array) => void} Seed writes the gradient at an output, (places, channels), in place */

const PAGE = 65536; // bytes by which WebAssembly's memory grows
const MOST_PAGES = 24576; // 1.5 GB
const ROW = { forward: 28, backward: 32 }; // floats from row to row of what the first layer sees: 27 and some air

export class Engine {
  /**
   * @param {BufferSource} kernels a build of kernels.c
   * @param {Operation[]} operations
   * @param {{weights: Float32Array, bias: Float32Array}[]} parameters of each operation; weights are (inputs, outputs),
   *   of a depthwise convolution (size * size, channels)
   */
  constructor(kernels, operations, parameters) {
    this.memory = new WebAssembly.Memory({ initial: 16, maximum: MOST_PAGES });
    const module = new WebAssembly.Module(kernels);
    /** @type {any} */
    this.kernels = new WebAssembly.Instance(module, { env: { memory: this.memory } }).exports;
    this.operations = operations;
    this.last = operations.length - 1;
    this.end = 1 << 17; // the kernels' stack lies below
    /** @type {{weights: number, back: number, bias: number}[]} */
    this.parameters = operations.map((operation, i) => this.#place(operation, parameters[i]));
    this.base = this.end;
    /** @type {Plan | null} */
    this.plan = null;
    /** @type {number[]} for each operation, the first one of its block */
    this.starts = [];
    operations.forEach((_, i) => {
      this.starts[i] = i > 1 && !operations[i - 1].block ? this.starts[i - 1] : i;
    });
  }

  /** Floats at an address, as a view that the next growth of the memory ends. @param {number} at @param {number} count */
  view(at, count) {
    return new Float32Array(this.memory.buffer, at, count);
  }

  /** The operation at which a block ends. @param {string} block @returns {number} */
  index(block) {
    const found = this.operations.findIndex((operation) => operation.block === block);
    if (found < 0) throw new Error(`there is no layer ${block}`);
    return found;
  }

  /** Values of an operation's output after `forward`, and how many places it has. @param {number} i */
  output(i) {
    const plan = /** @type {Plan} */ (this.plan), { high, wide } = plan.extents[i], channels = this.operations[i].outputs;
    return { values: this.view(plan.outputs[i], high * wide * channels), high, wide, channels };
  }

  /** What a block adds to what comes in: the output of its last operation without the skip. @param {number} i */
  addition(i) {
    const { values, ...rest } = this.output(i), plan = /** @type {Plan} */ (this.plan);
    if (!this.operations[i].skip) return { values: values.slice(), ...rest };
    const input = this.view(plan.outputs[this.starts[i] - 1], values.length);
    return { values: values.map((value, at) => value - input[at]), ...rest };
  }

  /**
   * Run a picture through the network as far as the operation `last`.
   * @param {Float32Array} pixels (height, width, 3) from 0 to 1
   * @param {number} height
   * @param {number} width
   * @param {number} [last]
   * @returns {Float32Array} the output, (places, channels): a view that the next pass overwrites
   */
  forward(pixels, height, width, last = this.last) {
    const plan = this.#prepare(height, width, last), k = this.kernels;
    this.view(plan.pixels, pixels.length).set(pixels);
    for (let i = 0; i <= last; i++) {
      const { kind, size, step, inputs, outputs, clip, skip } = this.operations[i];
      const { weights, bias } = this.parameters[i], e = plan.extents[i], places = e.high * e.wide;
      const input = i ? plan.outputs[i - 1] : plan.pixels, output = plan.outputs[i];
      if (kind === "conv") {
        k.unfold(input, plan.rows, e.height, e.width, size, step, e.top, e.left, e.high, e.wide, ROW.forward);
        k.product(plan.rows, ROW.forward, weights, bias, 0, output, places, inputs, outputs, 1);
      } else if (kind === "dw") {
        k.depthwise(input, weights, bias, output, e.height, e.width, outputs, size, step, e.top, e.left, e.high, e.wide);
      } else if (kind === "pw") {
        const added = skip ? plan.outputs[this.starts[i] - 1] : 0;
        k.product(input, inputs, weights, bias, added, output, places, inputs, outputs, Number(clip));
      } else {
        k.average(input, plan.pooled, e.height * e.width, inputs);
        k.product(plan.pooled, inputs, weights, bias, 0, output, 1, inputs, outputs, 0);
      }
    }
    return this.output(last).values;
  }

  /**
   * The gradient to the pixels of anything that depends on outputs of the pass before.
   * @param {number} last where it starts: the operation up to which the pass went
   * @param {Seed} seed writes the gradient at that output
   * @param {Map<number, Float32Array>} [more] gradients at the additions of earlier operations
   * @returns {Float32Array} (height, width, 3): a view that the next pass overwrites
   */
  backward(last, seed, more = new Map()) {
    const plan = /** @type {Plan} */ (this.plan), k = this.kernels;
    let [gradient, next] = plan.gradients;
    seed(this.view(gradient, this.output(last).values.length));
    for (let i = last; i >= 0; i--) {
      const { kind, size, step, inputs, outputs, clip, skip } = this.operations[i];
      const { weights, back } = this.parameters[i], e = plan.extents[i], places = e.high * e.wide;
      if (clip) k.pass_where_live(gradient, plan.outputs[i], places * outputs);
      if (skip) this.view(plan.kept, places * outputs).set(this.view(gradient, places * outputs));
      const extra = more.get(i);
      if (extra) this.#add(gradient, extra);
      if (kind === "fc") {
        k.product(gradient, outputs, back, 0, 0, plan.pooled, 1, outputs, inputs, 0);
        k.average_back(plan.pooled, next, e.height * e.width, inputs);
      } else if (kind === "pw") {
        k.product(gradient, outputs, back, 0, 0, next, places, outputs, inputs, 0);
      } else if (kind === "dw") {
        k.depthwise_back(gradient, weights, next, e.height, e.width, outputs, size, step, e.top, e.left, e.high, e.wide);
      } else {
        k.product(gradient, outputs, back, 0, 0, plan.rows, places, outputs, ROW.backward, 0);
        k.unfold_back(plan.rows, next, e.height, e.width, size, step, e.top, e.left, e.high, e.wide, ROW.backward);
      }
      [gradient, next] = [next, gradient];
      if (this.#skipped(i, last)) k.add(gradient, plan.kept, e.height * e.width * inputs);
    }
    const { height, width } = plan.extents[0];
    return this.view(gradient, height * width * 3);
  }

  /** Whether a skip around a block starts before operation i. @param {number} i @param {number} last */
  #skipped(i, last) {
    if (this.starts[i] !== i || this.operations[i].block) return false;
    const end = this.operations.findIndex((operation, j) => j >= i && operation.block);
    return end >= 0 && end <= last && this.operations[end].skip;
  }

  /** @param {number} at @param {Float32Array} values */
  #add(at, values) {
    const to = this.view(at, values.length);
    for (let i = 0; i < values.length; i++) to[i] += values[i];
  }

  /** Reserve room for floats. @param {number} floats @returns {number} its address */
  #room(floats) {
    const at = this.end;
    this.end += (floats * 4 + 63) & ~63;
    const lacking = this.end - this.memory.buffer.byteLength;
    if (lacking > 0) this.memory.grow(Math.ceil(lacking / PAGE)); // throws a RangeError where there is no more
    return at;
  }

  /** @param {Operation} operation @param {{weights: Float32Array, bias: Float32Array}} parameters */
  #place(operation, { weights, bias }) {
    const { kind, size, inputs, outputs } = operation, at = this.#room(outputs);
    this.view(at, outputs).set(bias);
    if (kind === "dw") {
      const filters = this.#room(size * size * outputs);
      this.view(filters, weights.length).set(weights);
      return { weights: filters, back: 0, bias: at };
    }
    const forward = this.#panels(inputs, outputs, (i, j) => weights[i * outputs + j]);
    const back = this.#panels(outputs, inputs, (i, j) => weights[j * outputs + i]);
    return { weights: forward, back, bias: at };
  }

  /** A matrix in panels of 8 columns, filled up with zeros. @param {number} rows @param {number} columns @param {(i: number, j: number) => number} get */
  #panels(rows, columns, get) {
    const filled = (columns + 7) & ~7, at = this.#room(rows * filled), view = this.view(at, rows * filled);
    for (let panel = 0, to = 0; panel < filled; panel += 8)
      for (let i = 0; i < rows; i++) for (let j = panel; j < panel + 8; j++) view[to++] = j < columns ? get(i, j) : 0;
    return at;
  }

  /** Lay out the memory for pictures of a size. @param {number} height @param {number} width @param {number} last @returns {Plan} */
  #prepare(height, width, last) {
    const key = `${height} ${width} ${last}`;
    if (this.plan?.key === key) return this.plan;
    this.plan = null; // so that one that failed on its way is not taken up again
    this.end = this.base;
    const pixels = this.#room(height * width * 3), outputs = [], extents = [];
    let [rows, pooled, most, around] = [0, 0, height * width * 3, 0];
    for (const { kind, size, step, inputs, outputs: channels, skip } of this.operations.slice(0, last + 1)) {
      const whole = kind === "fc";
      const [high, wide] = whole ? [1, 1] : [Math.ceil(height / step), Math.ceil(width / step)];
      const before = (/** @type {number} */ places, /** @type {number} */ length) => Math.max((places - 1) * step + size - length, 0) >> 1;
      extents.push({ height, width, high, wide, top: before(high, height), left: before(wide, width) });
      outputs.push(this.#room(high * wide * channels));
      most = Math.max(most, height * width * inputs * Number(kind !== "conv"), high * wide * channels);
      if (kind === "conv") rows = this.#room(high * wide * ROW.backward);
      if (whole) pooled = this.#room(inputs);
      if (skip) around = Math.max(around, high * wide * channels);
      [height, width] = [high, wide];
    }
    const gradients = /** @type {[number, number]} */ ([this.#room(most), this.#room(most)]);
    this.plan = { key, pixels, rows, pooled, outputs, extents, gradients, kept: this.#room(around) };
    return this.plan;
  }
}
