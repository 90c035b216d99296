/** The page of a record in the doctor's room: keys, zoom, pictures side by side, blind review. */

/** @type {any} */
const review = document.querySelector(".review");
/** @type {HTMLElement} */
const viewer = review.querySelector(".viewer");
/** @type {any} */
const form = review.querySelector("#verdict");

// --- keys: each control names its own ------------------------------------------------------------

/** @param {any} element */
const isText = (element) => element?.matches?.("textarea, input:not([type=radio]), select");

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && isText(event.target)) return /** @type {HTMLElement} */ (event.target).blur();
  const plain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.repeat;
  if (!("shortcuts" in review.dataset) || !plain || isText(event.target)) return;
  const key = event.key === "=" ? "+" : event.key.toLowerCase();
  const control = review.querySelector(`[data-key="${CSS.escape(key)}"]`);
  if (!control?.checkVisibility()) return;
  event.preventDefault();
  if (isText(control)) control.focus();
  else control.click();
});

// --- what belongs together in the form -----------------------------------------------------------

/** @param {string} name @param {string} value */
const choose = (name, value) => {
  form.querySelector(`input[name="${name}"][value="${value}"]`).checked = true;
};

form?.addEventListener("input", (/** @type {any} */ { target }) => {
  const named = form.querySelector("input[name=diagnosis]:checked");
  if (target.dataset.category) choose("risk_category", target.dataset.category);
  const contradicts = target.name === "risk_category" && named?.dataset.category !== target.value;
  if (contradicts || (target.name === "other_diagnosis" && target.value)) choose("diagnosis", "");
});

// --- zoom: the pictures grow, and their panes scroll ---------------------------------------------

const STEPS = [1, 1.5, 2, 3, 4];
const SHARE_OF_THE_WINDOW = 0.7;
let step = 0;

function panes() {
  /** @type {NodeListOf<HTMLElement>} */
  const all = viewer.querySelectorAll(".pane");
  return [...all].filter((pane) => pane.checkVisibility());
}

/** @param {HTMLElement} pane @returns {[number, number]} */
function centre(pane) {
  return [
    (pane.scrollLeft + pane.clientWidth / 2) / pane.scrollWidth,
    (pane.scrollTop + pane.clientHeight / 2) / pane.scrollHeight,
  ];
}

/** @param {HTMLElement} pane @param {[number, number]} place */
function lookAt(pane, [x, y]) {
  pane.scrollLeft = x * pane.scrollWidth - pane.clientWidth / 2;
  pane.scrollTop = y * pane.scrollHeight - pane.clientHeight / 2;
}

/** @param {number} change */
function zoom(change) {
  step = change ? Math.min(Math.max(step + change, 0), STEPS.length - 1) : 0;
  for (const pane of panes()) {
    const middle = centre(pane);
    fit(pane);
    lookAt(pane, middle);
  }
}

/** @param {HTMLElement} pane */
function fit(pane) {
  const image = pane.querySelector("img");
  if (!image?.naturalWidth) return;
  const ratio = image.naturalWidth / image.naturalHeight;
  const whole = Math.min(pane.clientWidth, SHARE_OF_THE_WINDOW * innerHeight * ratio);
  image.style.width = `${whole * STEPS[step]}px`;
}

const fitAll = () => panes().forEach(fit);
viewer.addEventListener("load", fitAll, true); // of the images, which don't bubble
addEventListener("resize", fitAll);
fitAll();

viewer.addEventListener("dblclick", () => zoom(1));
viewer.addEventListener(
  "wheel",
  (event) => {
    if (!event.ctrlKey || !(/** @type {Element} */ (event.target).closest(".pane"))) return;
    event.preventDefault();
    zoom(event.deltaY < 0 ? 1 : -1);
  },
  { passive: false },
);

// A mouse pulls the picture; fingers and arrow keys scroll it anyway.
viewer.addEventListener("dragstart", (event) => event.preventDefault());
viewer.addEventListener("pointermove", (event) => {
  const pane = /** @type {Element} */ (event.target).closest(".pane");
  if (!pane || event.pointerType !== "mouse" || event.buttons !== 1) return;
  pane.scrollLeft -= event.movementX;
  pane.scrollTop -= event.movementY;
});

// What is side by side moves together.
viewer.addEventListener(
  "scroll",
  (event) => {
    const target = /** @type {HTMLElement} */ (event.target);
    for (const pane of panes()) if (pane !== target && pane.matches(".pane")) {
      const [from, to] = [centre(target), centre(pane)];
      if (Math.hypot(from[0] - to[0], from[1] - to[1]) > 0.01) lookAt(pane, from);
    }
  },
  true,
);

// --- another picture of the mole beside this one -------------------------------------------------

let shown = -1;

function showNextBeside() {
  const others = [...review.querySelectorAll(".others [data-picture]")];
  const beside = /** @type {any} */ (viewer.querySelector("#beside"));
  shown = (shown + 2) % (others.length + 1) - 1; // after the last one, none
  beside.hidden = shown < 0;
  if (shown >= 0) {
    const image = beside.querySelector("img");
    image.removeAttribute("src"); // else the one before stays under these words until this one is there
    image.src = others[shown].dataset.picture;
    beside.querySelector("figcaption").textContent = others[shown].querySelector("p").textContent;
  }
  fitAll();
}

/** @type {Record<string, () => void>} */
const actions = { in: () => zoom(1), out: () => zoom(-1), fit: () => zoom(0), beside: showNextBeside };
/** @type {HTMLElement | null} */
const buttons = viewer.querySelector(".zoom");
if (buttons) {
  buttons.hidden = false;
  buttons.addEventListener("click", ({ target }) => {
    const button = /** @type {Element} */ (target).closest("button");
    if (button) actions[button.value]?.();
  });
}

// --- what is shown when the doctor asks for it: the program's answer, similar cases -------------

const notShown = review.querySelector("#not-shown");

review.addEventListener("click", async (/** @type {any} */ event) => {
  const link = event.target.closest("[data-reveal]");
  if (!link) return;
  event.preventDefault(); // what is in the form stays there
  if (link.ariaBusy === "true") return;
  link.ariaBusy = "true";
  const answer = await fetch(link.href).catch(() => null);
  link.ariaBusy = "false";
  notShown.hidden = Boolean(answer?.ok) && !answer?.redirected; // to the sign-in
  if (!notShown.hidden) return link.parentElement.after(notShown);
  const page = new DOMParser().parseFromString(await /** @type {Response} */ (answer).text(), "text/html");
  const ids = link.dataset.reveal.split(" ");
  for (const id of ids) {
    const part = page.getElementById(id);
    if (part) document.getElementById(id)?.replaceWith(document.adoptNode(part));
  }
  const headings = ids.map((/** @type {string} */ id) => `#${id} h2[tabindex]`);
  /** @type {HTMLElement | null} */ (document.querySelector(headings.join()))?.focus();
  fitAll();
});
