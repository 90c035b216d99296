/** <compare-pictures>: two pictures side by side or, on request, one over the other with a slider. */

class ComparePictures extends HTMLElement {
  connectedCallback() {
    this.two = this.querySelector(".two");
    this.slide = this.querySelector(".slide");
    this.range = this.slide.querySelector("input");
    this.querySelector(".toggles").hidden = false;
    this.addEventListener("click", (event) => this.show(event.target.closest("[aria-pressed]")?.value));
    this.range.addEventListener("input", () => this.cut());
    this.cut();
  }

  show(how) {
    if (!how) return;
    for (const button of this.querySelectorAll("[aria-pressed]")) {
      button.setAttribute("aria-pressed", String(button.value === how));
    }
    this.two.classList.toggle("over", how === "over");
    this.slide.hidden = how !== "over";
  }

  /** The earlier picture is seen left of the line, the later one right of it. */
  cut() {
    this.two.style.setProperty("--cut", `${this.range.value}%`);
    this.range.setAttribute("aria-valuetext", `${this.range.value} %`);
  }
}

customElements.define("compare-pictures", ComparePictures);
