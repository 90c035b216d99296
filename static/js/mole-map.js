/**
 * <mole-map>: how many moles are where on a drawn body; a click leads to them. The list of places
 * beside it leads there, too, and is what keyboards and screen readers get.
 */
class MoleMap extends HTMLElement {
  connectedCallback() {
    this.hidden = false; // first: what is not drawn has no size
    for (const region of /** @type {NodeListOf<SVGPathElement>} */ (this.querySelectorAll("[data-site]"))) {
      const link = this.linkTo(region);
      if (!link) continue;
      region.toggleAttribute("data-known", true);
      const { x, y, width, height } = region.getBBox();
      const count = document.createElementNS("http://www.w3.org/2000/svg", "text");
      for (const [name, value] of Object.entries({ x: x + width / 2, y: y + height / 2, class: "count" })) {
        count.setAttribute(name, String(value));
      }
      count.textContent = link.nextElementSibling?.textContent ?? "";
      region.after(count);
    }
    this.addEventListener("click", ({ target }) => this.linkTo(/** @type {any} */ (target))?.click());
  }

  /** @param {SVGElement} region @returns {HTMLAnchorElement | null} */
  linkTo(region) {
    return document.querySelector(`.places a[href="#at-${region.dataset.site}"]`);
  }
}

customElements.define("mole-map", MoleMap);
