/** <mole-picture>: draws the heatmap's small grid and the outline over the picture, on request; of a calm
 * answer, also of one “so far”, the outline at once, since it says of which mole that is. */

// Cividis (Nuñez, Anderton, Renslow 2018): reads the same with every common colour blindness.
const CIVIDIS = [
  [0, 32, 77], [49, 68, 107], [102, 105, 112], [149, 143, 120], [203, 186, 105], [255, 234, 70],
];

/** @param {number} value */
function colour(value) {
  const at = Math.min(Math.max(value, 0), 1) * (CIVIDIS.length - 1);
  const low = Math.min(Math.floor(at), CIVIDIS.length - 2);
  return CIVIDIS[low].map((c, i) => Math.round(c + (CIVIDIS[low + 1][i] - c) * (at - low)));
}

/** @param {{ rows: number, cols: number, values: number[] }} grid */
function gridAsImage({ rows, cols, values }) {
  const image = new ImageData(cols, rows);
  // Where little counted, the picture shines through.
  values.forEach((value, i) => image.data.set([...colour(value), 60 + 110 * value], 4 * i));
  const canvas = document.createElement("canvas");
  canvas.width = cols;
  canvas.height = rows;
  canvas.getContext("2d")?.putImageData(image, 0, 0);
  return canvas;
}

class MolePicture extends HTMLElement {
  /** @type {any} */ image;
  /** @type {any} */ canvas;
  /** @type {any} */ overlays;
  resizing = new ResizeObserver(() => this.draw());

  connectedCallback() {
    this.image = this.querySelector("img");
    this.canvas = this.querySelector("canvas");
    this.overlays = JSON.parse(this.querySelector("script[type='application/json']")?.textContent ?? "{}");
    /** @type {any} */ (this.querySelector(".toggles")).hidden = false;
    this.addEventListener("click", ({ target }) => this.toggle(/** @type {Element} */ (target).closest("[aria-pressed]")));
    this.resizing.observe(this.image);
  }

  disconnectedCallback() {
    this.resizing.disconnect();
  }

  /** @param {any} button */
  toggle(button) {
    if (!button) return;
    button.setAttribute("aria-pressed", String(!this.isOn(button.value)));
    const scale = /** @type {any} */ (this.querySelector(".scale"));
    if (scale) scale.hidden = !this.isOn("heatmap");
    this.draw();
  }

  /** @param {string} name */
  isOn(name) {
    const button = this.querySelector(`button[value="${name}"]`);
    return button?.getAttribute("aria-pressed") === "true";
  }

  draw() {
    const { clientWidth: width, clientHeight: height } = this.image;
    this.canvas.width = width * devicePixelRatio;
    this.canvas.height = height * devicePixelRatio;
    const context = this.canvas.getContext("2d");
    context.scale(devicePixelRatio, devicePixelRatio);
    if (this.isOn("heatmap")) {
      context.imageSmoothingQuality = "high";
      context.drawImage(gridAsImage(this.overlays.heatmap), 0, 0, width, height);
    }
    if (this.isOn("outline")) {
      const line = new Path2D();
      this.overlays.outline.forEach((/** @type {[number, number]} */ [x, y]) => line.lineTo(x * width, y * height));
      line.closePath();
      // Light on dark, so that the line is seen on every skin.
      for (const [style, thickness] of /** @type {[string, number][]} */ ([["#10191d", 5], ["#ffffff", 2.5]])) {
        context.strokeStyle = style;
        context.lineWidth = thickness;
        context.stroke(line);
      }
    }
  }
}

customElements.define("mole-picture", MolePicture);
