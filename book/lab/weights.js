// The packed weights, as pack.py writes them: one after the other, each in the precision that it needs.

/**
 * Where an operation's parameters lie in the packed bytes; int8 has a scale for each output, in float32.
 * @typedef {{at: number, count: number, kind: "int8"|"float16"|"float32", scales?: number}} Stored
 */

/** @typedef {import("./engine.js").Operation & {weights: Stored, bias: Stored}} Packed */

/** What all 16 bits of a half float can mean. @returns {Float32Array} (65536,) */
function halves() {
  const table = new Float32Array(65536);
  for (let bits = 0; bits < 65536; bits++) {
    const exponent = (bits >> 10) & 31, fraction = bits & 1023;
    const value = exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -14 * (fraction / 1024);
    table[bits] = bits & 0x8000 ? -value : value;
  }
  return table;
}

/**
 * Weights as floats.
 * @param {Packed[]} operations
 * @param {ArrayBuffer} bytes
 * @returns {{weights: Float32Array, bias: Float32Array}[]} for each operation
 */
export function unpack(operations, bytes) {
  const half = halves();
  /** @param {Stored} stored */
  function read({ at, count, kind, scales }) {
    if (kind === "float32") return new Float32Array(bytes.slice(at, at + 4 * count));
    if (kind === "float16") return Float32Array.from(new Uint16Array(bytes, at, count), (bits) => half[bits]);
    const bits = new Int8Array(bytes, at, count), values = new Float32Array(count), columns = Number(scales);
    const scale = new Float32Array(bytes, at - 4 * columns, columns);
    for (let i = 0; i < count; i += columns) for (let j = 0; j < columns; j++) values[i + j] = bits[i + j] * scale[j];
    return values;
  }
  return operations.map(({ weights, bias }) => ({ weights: read(weights), bias: read(bias) }));
}
