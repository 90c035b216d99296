/** ml.images.to_input for squares: Pillow's antialiased bilinear, to the last bit.
 *
 * The same fixed-point steps as Pillow's Resample.c, so that the network sees what it would see on
 * the server. */

const BITS = 22;
const HALF = 1 << (BITS - 1);

/** @typedef {{ first: Int32Array, count: Int32Array, weights: Int32Array, most: number }} Taps */

/** Which source pixels make each of ``to`` pixels, and by how much.
 * @param {number} from @param {number} to @returns {Taps} */
function taps(from, to) {
  const scale = from / to;
  const support = Math.max(scale, 1);
  const most = Math.ceil(support) * 2 + 1;
  const first = new Int32Array(to);
  const count = new Int32Array(to);
  const weights = new Int32Array(to * most);
  for (let i = 0; i < to; i++) {
    const centre = (i + 0.5) * scale;
    first[i] = Math.max(0, Math.trunc(centre - support + 0.5));
    count[i] = Math.min(from, Math.trunc(centre + support + 0.5)) - first[i];
    const exact = Array.from({ length: count[i] }, (_, k) =>
      Math.max(0, 1 - Math.abs((k + first[i] - centre + 0.5) / support)));
    const sum = exact.reduce((a, b) => a + b, 0);
    exact.forEach((weight, k) => { weights[i * most + k] = Math.trunc(0.5 + (weight / sum) * 2 ** BITS); });
  }
  return { first, count, weights, most };
}

/** @param {number} sum */
function toByte(sum) {
  return Math.min(Math.max(sum >> BITS, 0), 255);
}

/** An RGBA square → (size, size, 3) floats of 0–255 in rows.
 * @param {ImageData} image @param {number} size @returns {Float32Array} */
export function toInput(image, size) {
  const { width: side, data } = image;
  const out = new Float32Array(size * size * 3);
  if (side === size) {
    for (let i = 0, o = 0; o < out.length; i += 4) {
      out[o++] = data[i];
      out[o++] = data[i + 1];
      out[o++] = data[i + 2];
    }
    return out;
  }
  const { first, count, weights, most } = taps(side, size);
  const narrow = new Uint8Array(side * size * 3);
  for (let y = 0, o = 0; y < side; y++) {
    for (let x = 0; x < size; x++, o += 3) {
      let r = HALF, g = HALF, b = HALF;
      for (let k = 0, i = (y * side + first[x]) * 4, w = x * most; k < count[x]; k++, i += 4, w++) {
        r += data[i] * weights[w];
        g += data[i + 1] * weights[w];
        b += data[i + 2] * weights[w];
      }
      narrow[o] = toByte(r);
      narrow[o + 1] = toByte(g);
      narrow[o + 2] = toByte(b);
    }
  }
  const row = size * 3;
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < row; x++) {
      let sum = HALF;
      for (let k = 0, i = first[y] * row + x, w = y * most; k < count[y]; k++, i += row, w++) {
        sum += narrow[i] * weights[w];
      }
      out[y * row + x] = toByte(sum);
    }
  }
  return out;
}

/** The square turned ``turns`` quarters as numpy.rot90, mirrored before.
 * @param {Float32Array} square @param {number} size @param {number} turns @param {boolean} mirrored
 * @returns {Float32Array} */
export function turned(square, size, turns, mirrored) {
  const out = new Float32Array(square.length);
  const last = size - 1;
  for (let y = 0, o = 0; y < size; y++) {
    for (let x = 0; x < size; x++, o += 3) {
      let [row, column] = [[y, x], [x, last - y], [last - y, last - x], [last - x, y]][turns];
      if (mirrored) column = last - column;
      const i = (row * size + column) * 3;
      out[o] = square[i];
      out[o + 1] = square[i + 1];
      out[o + 2] = square[i + 2];
    }
  }
  return out;
}
