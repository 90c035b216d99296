/**
 * <body-map>: places on a drawn body as radio buttons, in step with the list of places, the
 * person's moles and the name of a new one. Without this script, these three fields do it alone.
 */

/** @typedef {SVGGraphicsElement & { dataset: DOMStringMap }} Region */

class BodyMap extends HTMLElement {
  /** @type {any} */ place;
  /** Missing while the person has none. @type {HTMLSelectElement | undefined} */ mole;
  /** @type {any} */ name;
  /** @type {Region[]} */ regions = [];
  /** @type {Region | null} */ chosen = null;
  /** The place that the person chose; one that follows from a chosen mole hides no other mole. */
  wanted = "";
  /** Hidden, so that it is sent, too. @type {any} */ suggested;

  connectedCallback() {
    const form = /** @type {any} */ (this.closest("form"));
    this.place = form.elements.body_site;
    this.mole = form.elements.mole;
    this.name = form.elements.name;
    this.suggested = form.elements.suggested;
    this.regions = /** @type {Region[]} */ ([...this.querySelectorAll("[data-site]")]);
    for (const region of this.regions) {
      region.setAttribute("role", "radio");
      region.setAttribute("aria-label", this.label(region));
    }
    this.addEventListener("click", ({ target }) => this.choose(/** @type {Element} */ (target).closest("[data-site]")));
    this.addEventListener("keydown", (event) => this.press(event));
    this.place.addEventListener("change", () => this.placeChanged());
    this.mole?.addEventListener("change", () => this.moleChanged());
    this.name.addEventListener("change", () => this.suggest());
    this.hidden = false;
    for (const region of this.regions) if ("known" in region.dataset) this.mark(region);
    if (this.mole?.value) this.moleChanged();
    else this.placeChanged();
  }

  /** @param {Region} region */
  label(region) {
    const { site, side } = region.dataset;
    const known = this.molesAt(site).map((option) => option.textContent);
    region.toggleAttribute("data-known", known.length > 0);
    const moles = known.length ? `; ${this.dataset.known} ${known.join(", ")}` : "";
    return this.words(site, side) + moles;
  }

  /** @param {string | undefined} site @param {string | undefined} side @returns {string} */
  words(site, side) {
    const place = this.place.querySelector(`[value="${site}"]`).textContent;
    return side ? `${place}, ${this.dataset[side]}` : place;
  }

  /** A dot where the person follows a mole: the tint does not stand alone. @param {Region} region */
  mark(region) {
    const { x, y, width, height } = region.getBBox();
    const dot = document.createElementNS("http://www.w3.org/2000/svg", "circle");
    for (const [name, value] of Object.entries({ cx: x + width / 2, cy: y + height / 2, r: 4 })) {
      dot.setAttribute(name, String(value));
    }
    region.after(dot);
  }

  /** @param {string | undefined} site */
  molesAt(site) {
    return this.mole ? [...this.mole.options].filter((option) => option.dataset.site === site) : [];
  }

  /** A click on the chosen place takes the choice back, as nothing else could.
   * @param {Region | null} region */
  choose(region) {
    if (!region) return;
    this.chosen = this.chosen === region ? null : region;
    this.place.value = this.chosen?.dataset.site ?? "";
    this.placeChanged();
    region.focus();
  }

  /** @param {KeyboardEvent} event */
  press(event) {
    /** @type {Record<string, number>} */
    const steps = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 };
    const step = steps[event.key];
    const region = /** @type {Region} */ (event.target);
    const at = this.regions.indexOf(region);
    if (step) this.choose(this.regions.at((at + step) % this.regions.length) ?? null);
    else if (event.key === " " || event.key === "Enter") this.choose(region);
    else return;
    event.preventDefault();
  }

  /**
   * What the person typed stays. A place is never without a name, nor with a known mole's, since
   * it is another one; the server sees to that where one has got this name meanwhile.
   */
  suggest() {
    if (this.name.value && this.name.value !== this.suggested.value) return;
    this.name.value = this.suggested.value = this.mole?.value || !this.place.value ? "" : this.freeName();
  }

  freeName() {
    const place = this.words(this.place.value, this.chosen?.dataset.side);
    const taken = [...(this.mole?.options ?? [])].map((option) => option.dataset.name?.toLowerCase());
    let name = place;
    for (let number = 2; taken.includes(name.toLowerCase()); number++) name = `${place} ${number}`;
    return name;
  }

  placeChanged() {
    this.wanted = this.place.value;
    this.follow();
  }

  follow() {
    if (this.chosen?.dataset.site !== this.place.value) this.chosen = null;
    const chosen = this.mole?.selectedOptions[0];
    if (this.mole && chosen?.value && chosen.dataset.site !== this.place.value) this.mole.value = "";
    this.suggest();
    this.paint();
  }

  moleChanged() {
    this.place.value = this.mole?.selectedOptions[0]?.dataset.site ?? this.place.value;
    this.follow();
  }

  paint() {
    this.name.closest(".field").hidden = Boolean(this.mole?.value) && !this.name.value;
    const site = this.place.value;
    const current = this.chosen ?? this.regions.find((region) => region.dataset.site === site);
    for (const region of this.regions) {
      // Of a place without a side, chosen in the list, neither side is.
      const isOn = region === (region.dataset.side ? this.chosen : current);
      region.setAttribute("aria-checked", String(isOn));
      region.toggleAttribute("data-on", this.chosen ? region === current : region.dataset.site === site);
      region.setAttribute("tabindex", region === (current ?? this.regions[0]) ? "0" : "-1");
    }
    for (const option of this.mole?.options ?? []) {
      option.hidden = Boolean(this.wanted && option.value && option.dataset.site !== this.wanted);
    }
  }
}

customElements.define("body-map", BodyMap);
