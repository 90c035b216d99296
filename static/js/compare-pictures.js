/** <compare-pictures>: two pictures side by side or, on request, one over the other: with a slider,
 * or each in turn. */

const TURN = 900; // milliseconds: less than three flashes a second (WCAG 2.3.1)
let chosen = "beside"; // also once the page has put measured pictures in place of these

class ComparePictures extends HTMLElement {
  /** @type {any} */ two;
  /** @type {any} */ slide;
  /** @type {any} */ range;
  /** @type {number | undefined} */ timer;

  connectedCallback() {
    this.two = this.querySelector(".two");
    this.slide = this.querySelector(".slide");
    this.range = this.slide.querySelector("input");
    /** @type {any} */ (this.querySelector(".toggles")).hidden = false;
    this.addEventListener("click", ({ target }) => {
      const button = /** @type {Element} */ (target).closest("[aria-pressed]");
      if (!(button instanceof HTMLButtonElement)) return;
      const pressedAgain = button.value === "blink" && this.two.classList.contains("blink");
      this.show(pressedAgain ? "beside" : button.value);
    });
    this.range.addEventListener("input", () => this.cut());
    this.cut();
    if (chosen !== "beside") this.show(chosen);
  }

  disconnectedCallback() {
    clearInterval(this.timer);
  }

  /** @param {string} how */
  show(how) {
    chosen = how;
    /** @type {NodeListOf<HTMLButtonElement>} */
    const buttons = this.querySelectorAll("[aria-pressed]");
    for (const button of buttons) {
      button.setAttribute("aria-pressed", String(button.value === how));
    }
    this.two.classList.toggle("over", how !== "beside");
    this.two.classList.toggle("blink", how === "blink");
    this.slide.hidden = how !== "over";
    clearInterval(this.timer);
    if (how === "blink") {
      this.timer = setInterval(() => this.two.classList.toggle("later"), TURN);
    }
  }

  /** The earlier picture is seen left of the line, the later one right of it. */
  cut() {
    this.two.style.setProperty("--cut", `${this.range.value}%`);
    this.range.setAttribute("aria-valuetext", `${this.range.value} %`);
  }
}

customElements.define("compare-pictures", ComparePictures);
