/** What the page shows: one part at a time, its words from the server. */

const OUTER = "#10191d";
const INNER = "#ffffff";

/** @param {string} name @returns {any} */
const part = (name) => document.querySelector(`[data-${name}]`);

/** What is said, and the pictures that are kept. */
export class Page {
  /** @param {import("./runtime.js").Words} words */
  constructor(words) {
    this.words = words;
    this.keptList = part("kept-list");
  }

  /** Whether the camera is shown. */
  get isLive() {
    return part("live")?.hidden === false;
  }

  /** A sentence, or null for none. @param {string} place @param {string | null} sentence */
  say(place, sentence) {
    const element = part(place);
    // Only what changes: a screen reader would read it again.
    if (element.textContent !== (sentence ?? "")) element.textContent = sentence ?? "";
    element.hidden = !sentence;
  }

  /** While one picture is sent or deleted, the buttons of the others say that they wait.
   * @param {boolean} isLocked */
  lock(isLocked) {
    for (const button of this.keptList.querySelectorAll("button")) button.setAttribute("aria-disabled", String(isLocked));
  }

  /** @param {boolean} needed */
  showSignIn(needed) {
    for (const link of document.querySelectorAll("[data-sign-in]")) /** @type {HTMLElement} */ (link).hidden = !needed;
  }

  /** @param {import("./outbox.js").Picture[]} pictures */
  showKept(pictures) {
    const { activeElement } = document;
    const position = [...this.keptList.children].findIndex((row) => row.contains(activeElement));
    part("kept").hidden = !pictures.length;
    for (const image of this.keptList.querySelectorAll("img")) URL.revokeObjectURL(image.src);
    const row = part("kept-row").content;
    this.keptList.replaceChildren(...pictures.map(({ id, jpegs, savedAt }) => {
      const copy = row.cloneNode(true);
      copy.querySelector("img").src = URL.createObjectURL(jpegs[0]);
      const time = new Date(savedAt).toLocaleString(document.documentElement.lang);
      copy.querySelector("time").textContent = time;
      copy.querySelector("img").alt += `, ${time}`;
      for (const button of copy.querySelectorAll("button")) {
        button.value = id;
        button.setAttribute("aria-label", `${button.textContent}: ${time}`);
      }
      return copy;
    }));
    if (position < 0) return;
    // The list is new, and the button that had the focus is gone.
    const next = this.keptList.children[position]?.querySelector("button");
    (next ?? part(pictures.length ? "kept-heading" : "kept-said")).focus();
  }

  /** A sentence with numbers. @param {string} name @param {Record<string, string>} values */
  filled(name, values) {
    return this.words.says[name].replace(/%\((\w+)\)s/g, (_, key) => values[key]);
  }
}

export class View extends Page {
  /** @param {import("./runtime.js").Words} words
   * @param {boolean} isMinor whether the person is younger than all whom it was tested on */
  constructor(words, isMinor) {
    super(words);
    this.isMinor = isMinor;
    this.root = part("camera");
    this.open = part("open");
    this.save = part("save");
    this.burst = part("burst");
    this.anew = part("anew");
    this.stop = part("stop");
    this.torch = part("torch");
    this.zoom = part("zoom");
    this.cameras = part("cameras");
    this.video = part("video");
    this.canvas = part("outline");
    this.update = part("update");
    this.signedOut = part("signed-out");
    this.progress = part("progress");
    this.root.hidden = false;
    part("until-loaded").remove();
  }

  /** The focus goes where the pressed button went. @param {"start" | "live"} which */
  show(which) {
    if (!part(which).hidden) return;
    for (const name of ["start", "live"]) part(name).hidden = name !== which;
    // On a phone, the picture needs the room.
    document.querySelector("h1")?.classList.toggle("visually-hidden", which === "live");
    if (which === "start") this.open.focus();
    else part("heading").focus({ preventScroll: true });
  }

  /** @param {boolean} isLocked */
  lock(isLocked) {
    super.lock(isLocked);
    if (isLocked) this.maySave(false); // the next look offers it again
  }

  /** Said, and not disabled: a button that is loses the focus of who uses the keyboard.
   * @param {boolean} may */
  maySave(may) {
    for (const button of [this.save, this.burst]) button.setAttribute("aria-disabled", String(!may));
  }

  get canSave() {
    return this.save.getAttribute("aria-disabled") === "false";
  }

  /** How far the program is loaded, for the eye alone. @param {number | null} share */
  showProgress(share) {
    this.progress.value = share ?? 1;
    this.progress.hidden = share === null;
  }

  /** @param {import("./steady.js").Shown} shown */
  showAnswer({ advice, isKept, isUntested, hint }) {
    const answer = advice ? this.words.answers[advice] : null;
    const { dark, minor } = this.words.untested;
    const untested = isUntested ? dark : answer && this.isMinor ? minor : null;
    const longer = advice === "watch" ? untested?.heading : null; // no calm heading stands without it
    const outcome = part("outcome");
    outcome.dataset.advice = advice ?? "";
    outcome.dataset.tone = longer ? "neutral" : (answer?.tone ?? "neutral");
    this.say("heading", longer ?? answer?.heading ?? this.words.says.looking);
    this.say("how-soon", answer?.how_soon ?? null);
    this.say("because", isKept ? this.words.says.stays : null);
    this.say("untested", untested?.why ?? null);
    this.say("hint", hint && (this.words.hints[hint] ?? null));
  }

  /** The line around the lesion, over the frame. @param {[number, number][] | null} line */
  drawOutline(line) {
    const { canvas } = this;
    const side = Math.round(canvas.clientWidth * devicePixelRatio);
    canvas.width = canvas.height = side; // also wipes it
    if (!line) return;
    const context = canvas.getContext("2d");
    const path = new Path2D();
    for (const [x, y] of line) path.lineTo(x * side, y * side);
    path.closePath();
    // Light on dark, so that the line is seen on every skin.
    for (const [style, width] of /** @type {const} */ ([[OUTER, 5], [INNER, 2.5]])) {
      context.strokeStyle = style;
      context.lineWidth = width * devicePixelRatio;
      context.stroke(path);
    }
  }

  /** Light and zoom, where the camera has them.
   * @param {import("./camera.js").Abilities} abilities @param {number} set the zoom as it is */
  offer({ torch, zoom }, set) {
    this.torch.hidden = !torch;
    this.torch.setAttribute("aria-pressed", "false");
    part("zoom-field").hidden = !zoom;
    if (zoom) Object.assign(this.zoom, { min: zoom.min, max: zoom.max, step: zoom.step || 0.1, value: set });
  }

  /** The cameras to choose between, where there are several.
   * @param {MediaDeviceInfo[]} offered @param {string} chosen its id */
  offerCameras(offered, chosen) {
    part("cameras-field").hidden = offered.length < 2;
    this.cameras.replaceChildren(...offered.map(({ deviceId, label }, number) =>
      new Option(label || this.filled("camera", { number: String(number + 1) }), deviceId, false, deviceId === chosen)));
  }
}
