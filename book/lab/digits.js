// Bytes that stand as text inside a script.

const DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~";

/** Bytes from text, as Python's `base64.b85decode`: five digits are four bytes. @param {string} text @returns {Uint8Array<ArrayBuffer>} */
export function decoded(text) {
  const values = new Uint8Array(128), length = Math.floor((text.length * 4) / 5), groups = Math.ceil(text.length / 5);
  Array.from(DIGITS, (digit, i) => (values[digit.charCodeAt(0)] = i));
  const bytes = new DataView(new ArrayBuffer(4 * groups)), filled = text.padEnd(5 * groups, "~");
  for (let group = 0; group < groups; group++) {
    let number = 0;
    for (let i = 5 * group; i < 5 * group + 5; i++) number = number * 85 + values[filled.charCodeAt(i)];
    bytes.setUint32(4 * group, number);
  }
  return new Uint8Array(bytes.buffer.slice(0, length));
}
