/** The largest region of a lesion mask as a closed line: marching squares at one half. */

const LEVEL = 0.5;

/** @typedef {[number, number]} Point */

/** A mask (m, m) of 0–1 in rows → [[x, y] …] in 0–1 of the square, or null where there is none.
 * @param {ArrayLike<number>} mask @param {number} size @returns {Point[] | null} */
export function outline(mask, size) {
  const loops = contours(mask, size);
  if (!loops.length) return null;
  const largest = loops.reduce((a, b) => (Math.abs(area(b)) > Math.abs(area(a)) ? b : a));
  return largest.map(([x, y]) => [place(x, size), place(y, size)]);
}

/** Cells of the mask begin at its edge, and have their value in the middle. @param {number} at
 * @param {number} size */
function place(at, size) {
  return Math.round(Math.min(Math.max((at + 0.5) / size, 0), 1) * 1e4) / 1e4;
}

/** Closed loops, the lesion on the right of each step. @param {ArrayLike<number>} mask
 * @param {number} size @returns {Point[][]} */
function contours(mask, size) {
  /** @param {number} x @param {number} y */
  const value = (x, y) => (x < 0 || y < 0 || x >= size || y >= size ? 0 : mask[y * size + x]);
  /** From the edge where a piece of the line enters a cell to where it leaves it. An edge's key
   * is its first corner, doubled, plus one in its direction.
   * @type {Map<number, number>} */
  const next = new Map();
  const stride = 2 * size + 8;
  /** @param {number} x2 @param {number} y2 */
  const key = (x2, y2) => (y2 + 2) * stride + x2 + 2;
  for (let y = -1; y < size; y++) {
    for (let x = -1; x < size; x++) {
      const corners = [value(x, y), value(x + 1, y), value(x + 1, y + 1), value(x, y + 1)];
      const inside = corners.map((corner) => corner > LEVEL);
      const edges = [
        key(2 * x + 1, 2 * y), key(2 * x + 2, 2 * y + 1), key(2 * x + 1, 2 * y + 2), key(2 * x, 2 * y + 1),
      ];
      // Clockwise around the cell: edge i runs from corner i to corner i + 1.
      const enters = [0, 1, 2, 3].filter((i) => inside[i] && !inside[(i + 1) % 4]);
      const leaves = [0, 1, 2, 3].filter((i) => !inside[i] && inside[(i + 1) % 4]);
      if (enters.length === 1) {
        next.set(edges[enters[0]], edges[leaves[0]]);
      } else if (enters.length === 2) {
        // A saddle: joined through the middle where the middle is inside.
        const joined = corners.reduce((a, b) => a + b, 0) / 4 > LEVEL;
        for (const edge of enters) {
          next.set(edges[edge], edges[(edge + (joined ? 1 : 3)) % 4]);
        }
      }
    }
  }
  /** @param {number} edge @returns {Point} */
  const crossing = (edge) => {
    const [x2, y2] = [(edge % stride) - 2, Math.floor(edge / stride) - 2];
    const [x, y] = [Math.floor(x2 / 2), Math.floor(y2 / 2)];
    const [dx, dy] = [x2 - 2 * x, y2 - 2 * y];
    const [a, b] = [value(x, y), value(x + dx, y + dy)];
    const share = (LEVEL - a) / (b - a);
    return [x + share * dx, y + share * dy];
  };
  const loops = [];
  while (next.size) {
    const [start] = next.keys();
    /** @type {Point[]} */
    const loop = [crossing(start)];
    for (let edge = start; next.has(edge);) {
      const to = /** @type {number} */ (next.get(edge));
      next.delete(edge);
      loop.push(crossing(to));
      edge = to;
    }
    loops.push(loop);
  }
  return loops;
}

/** @param {Point[]} loop */
function area(loop) {
  return loop.reduce((sum, [x, y], i) => {
    const [x1, y1] = loop[(i + 1) % loop.length];
    return sum + (x * y1 - x1 * y) / 2;
  }, 0);
}
