/**
 * <mole-map>: where the moles are on a drawn body; a click leads to them. The list of places beside
 * it leads there, too, says how many, and is what keyboards and screen readers get.
 */
class MoleMap extends HTMLElement {
  connectedCallback() {
    this.hidden = false; // first: what is not drawn has no size
    for (const region of /** @type {NodeListOf<SVGPathElement>} */ (this.querySelectorAll("[data-site]"))) {
      if (!this.linkTo(region)) continue;
      region.toggleAttribute("data-known", true);
      const { x, y, width, height } = region.getBBox();
      const dot = document.createElementNS("http://www.w3.org/2000/svg", "circle");
      for (const [name, value] of Object.entries({ cx: x + width / 2, cy: y + height / 2, r: 4 })) {
        dot.setAttribute(name, String(value));
      }
      region.after(dot);
    }
    this.addEventListener("click", ({ target }) => this.linkTo(/** @type {any} */ (target))?.click());
  }

  /** @param {SVGElement} region @returns {HTMLAnchorElement | null} */
  linkTo(region) {
    return document.querySelector(`.places a[href="#at-${region.dataset.site}"]`);
  }
}

customElements.define("mole-map", MoleMap);
