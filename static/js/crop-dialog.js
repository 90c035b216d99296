/** <crop-dialog>: the square of a picture that the program is to see, moved, zoomed and turned. */

const LONGEST = 2048; // what the server keeps
const STEP = 0.1; // of the square, and of the size

class CropDialog extends HTMLElement {
  /** @type {any} */ dialog;
  /** @type {any} */ stage;
  /** Of cropperjs, which comes when it is needed. @type {any} */ canvas;
  /** @type {any} */ image;
  /** @type {(part: Blob | null) => void} */ done = () => {};
  /** @type {(error: unknown) => void} */ fail = () => {};

  connectedCallback() {
    this.dialog = this.querySelector("dialog");
    this.stage = this.querySelector(".crop-stage");
    this.addEventListener("click", ({ target }) => this.press(/** @type {Element} */ (target).closest("button")));
    this.dialog.addEventListener("close", () => {
      this.stage.replaceChildren();
      this.done(null); // by a button, it is answered already
    });
  }

  /** Let the person choose. Resolves to a JPEG, or null where they changed nothing. Raises
   * RangeError where the browser has no room to cut it.
   * @param {string} address @returns {Promise<Blob | null>} */
  async crop(address) {
    await import(String(this.dataset.cropper)); // 13 kB that most visits do without
    /** @type {Promise<Blob | null>} */
    const answer = new Promise((resolve, reject) => { [this.done, this.fail] = [resolve, reject]; });
    this.dialog.showModal();
    this.stage.replaceChildren(/** @type {any} */ (this.querySelector("template")).content.cloneNode(true));
    this.canvas = this.stage.querySelector("cropper-canvas");
    this.image = this.stage.querySelector("cropper-image");
    /** @type {DOMRect | null} */
    let bounds = null;
    this.image.addEventListener("change", (/** @type {CustomEvent} */ event) => { bounds = event.detail; });
    this.image.addEventListener("transform", (/** @type {CustomEvent} */ event) => this.hold(event, bounds));
    this.image.src = address;
    return answer;
  }

  /** The picture always fills the square: what would leave a gap is moved back.
   * @param {CustomEvent} event @param {DOMRect | null} bounds */
  hold(event, bounds) {
    if (!bounds) return; // while it is laid out
    const side = this.canvas.clientWidth;
    const back = (/** @type {number} */ start, /** @type {number} */ length) => Math.max(side - start - length, 0) - Math.max(start, 0);
    const [x, y] = [back(bounds.x, bounds.width), back(bounds.y, bounds.height)];
    if (Math.hypot(x, y) < 0.5) return;
    event.preventDefault();
    const [a, b, c, d, e, f] = event.detail.matrix;
    this.image.$setTransform(a, b, c, d, e + x, f + y);
  }

  /** @param {HTMLButtonElement | null} button */
  async press(button) {
    if (!button) return;
    const [action, ...amounts] = button.value.split(" ");
    const numbers = amounts.map(Number);
    if (action === "use") await this.cut().then(this.done, this.fail);
    if (action === "use" || action === "cancel") this.dialog.close();
    if (action === "move") this.image.$move(...numbers.map((n) => n * STEP * this.canvas.clientWidth));
    if (action === "zoom") this.zoom(numbers[0] * STEP);
    if (action === "turn") this.turn(numbers[0]);
  }

  /** Around the middle of the square, where the mole is. @param {number} scale */
  zoom(scale) {
    const [square, picture] = [this.canvas, this.image].map((e) => e.getBoundingClientRect());
    const middle = square.width / 2;
    this.image.$zoom(scale, square.x + middle - picture.x, square.y + middle - picture.y);
  }

  /** @param {number} quarters */
  turn(quarters) {
    this.image.rotatable = true; // by the buttons only: fingers would leave corners empty
    this.image.$rotate((quarters * Math.PI) / 2);
    this.image.rotatable = false;
  }

  /** @returns {Promise<Blob | null>} */
  async cut() {
    const [a, b] = this.image.$getTransform();
    const width = Math.min(LONGEST, Math.round(this.canvas.clientWidth / Math.hypot(a, b)));
    const canvas = await this.canvas.$toCanvas({ width, height: width });
    return new Promise((resolve, reject) => {
      canvas.toBlob((/** @type {Blob | null} */ part) => part ? resolve(part) : reject(new RangeError("memory")), "image/jpeg", 0.95);
    });
  }
}

customElements.define("crop-dialog", CropDialog);
