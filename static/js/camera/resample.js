/** ml.images.to_input for squares: Pillow's antialiased bilinear, to the last bit.
 *
 * The same fixed-point steps as Pillow's Reduce.c and Resample.c, so that the network sees what it
 * would see on the server. */

const BITS = 22;
const HALF = 1 << (BITS - 1);
const GAP = 2; // Pillow's reducing_gap: larger pictures are first averaged in blocks

/** @typedef {{ first: Int32Array, count: Int32Array, weights: Int32Array, most: number }} Taps */

/** Which of ``from`` source pixels, of which ``length`` are meant, make each of ``to`` pixels, and
 * by how much. @param {number} from @param {number} length @param {number} to @returns {Taps} */
function taps(from, length, to) {
  const scale = length / to;
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

/** The means of blocks of ``factor``² pixels; those at the end may be smaller.
 * @param {Uint8ClampedArray} data RGBA @param {number} side @param {number} factor
 * @returns {Uint8ClampedArray} */
function reduced(data, side, factor) {
  const small = Math.ceil(side / factor);
  const out = new Uint8ClampedArray(small * small * 4);
  for (let y = 0, o = 0; y < small; y++) {
    const bottom = Math.min((y + 1) * factor, side);
    for (let x = 0; x < small; x++, o += 4) {
      const right = Math.min((x + 1) * factor, side);
      let r = 0, g = 0, b = 0;
      for (let row = y * factor; row < bottom; row++) {
        for (let column = x * factor, i = (row * side + column) * 4; column < right; column++, i += 4) {
          r += data[i];
          g += data[i + 1];
          b += data[i + 2];
        }
      }
      const count = (bottom - y * factor) * (right - x * factor);
      const half = Math.trunc(count / 2);
      const share = Math.trunc(2 ** 32 / (256 * count));
      out[o] = Math.floor(((r + half) * share) / 2 ** 24);
      out[o + 1] = Math.floor(((g + half) * share) / 2 ** 24);
      out[o + 2] = Math.floor(((b + half) * share) / 2 ** 24);
    }
  }
  return out;
}

/** An RGBA square → (size, size, 3) floats of 0–255 in rows.
 * @param {ImageData} image @param {number} size @returns {Float32Array} */
export function toInput(image, size) {
  const factor = Math.max(1, Math.trunc(image.width / size / GAP));
  const side = Math.ceil(image.width / factor);
  const data = factor > 1 ? reduced(image.data, image.width, factor) : image.data;
  const out = new Float32Array(size * size * 3);
  const { first, count, weights, most } = taps(side, image.width / factor, size);
  const narrow = new Uint8Array(side * size * 3);
  for (let x = 0; x < size; x++) {
    const last = x * most + count[x];
    for (let y = 0, o = x * 3, begin = first[x] * 4; y < side; y++, o += size * 3, begin += side * 4) {
      let r = HALF, g = HALF, b = HALF;
      for (let w = x * most, i = begin; w < last; w++, i += 4) {
        const weight = weights[w];
        r += data[i] * weight;
        g += data[i + 1] * weight;
        b += data[i + 2] * weight;
      }
      narrow[o] = r >> BITS;
      narrow[o + 1] = g >> BITS;
      narrow[o + 2] = b >> BITS;
    }
  }
  const row = size * 3;
  const sums = new Int32Array(row);
  for (let y = 0; y < size; y++) {
    sums.fill(HALF);
    for (let k = 0; k < count[y]; k++) {
      const weight = weights[y * most + k];
      const begin = (first[y] + k) * row;
      for (let x = 0; x < row; x++) sums[x] += narrow[begin + x] * weight;
    }
    for (let x = 0, o = y * row; x < row; x++, o++) out[o] = sums[x] >> BITS;
  }
  return out;
}
