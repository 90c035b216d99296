/** The camera page: camera → worker → words. No picture leaves the phone before the person saves. */

import { Camera } from "./camera.js";
import { cameras, remember } from "./devices.js";
import { Kept } from "./kept.js";
import * as outbox from "./outbox.js";
import { cookie } from "./send.js";
import { OLD_MS, Steady } from "./steady.js";
import { View } from "./view.js";

const AHEAD = 2; // frames under way: one is judged, one is ready
const BURST = 3; // pictures that are taken together
const BETWEEN_MS = 900; // two of them
const SILENT_MS = 30_000; // without a look at a frame: the worker is gone, and did not say so
const MEGABYTE = 1e6;
const DIGITS = { minimumFractionDigits: 1, maximumFractionDigits: 1 };
const number = new Intl.NumberFormat(document.documentElement.lang, DIGITS);

/** @type {import("./runtime.js").Program} */
const program = JSON.parse(/** @type {string} */ (document.getElementById("program")?.textContent));
const view = new View(program.words, program.isMinor);
const kept = new Kept(view, program);
const { says } = program.words;
const camera = new Camera(view.video);
const steady = new Steady(Object.keys(program.words.answers));
const worker = new Worker(program.worker);

let underway = 0;
let asked = 0; // of these frames, those that the worker has
let heardAt = 0; // when it last had none, or answered one
let round = 0; // grows with each start, stop and new mole: earlier frames are not shown
/** @type {import("./steady.js").Shown} */
let shown;
let lookedAt = Infinity; // at the frame that is shown, while one is
let wanted = false; // started, and not stopped
/** Of one mole, with the most serious that was said from the press to the last picture.
 * @type {import("./outbox.js").Picture} */
let taken;
let keeping = Promise.resolve(true); // whether what is taken is on the phone, too
let missing = 0; // pictures to be taken still
let takenAt = 0; // Infinity while the worker is asked for one
let isLast = false; // no more pictures of the mole are to come

/** @type {Record<string, (data: any) => void>} */
const answers = {
  loading({ loaded, bytes }) {
    view.say("said", view.filled("loading", { total: number.format(bytes / MEGABYTE) }));
    view.showProgress(loaded / bytes);
  },
  ready({ variant }) {
    view.say("said", says.ready);
    view.showProgress(null);
    view.open.disabled = false;
    keepForOffline(variant);
  },
  look({ look, round: of }) {
    answered();
    if (of !== round || !camera.isOn) return;
    lookedAt = performance.now();
    shown = steady.add(look, lookedAt);
    if (missing && !isLast) taken.advice = steady.worse(taken.advice, shown.advice) ?? "";
    view.showAnswer(shown);
    view.drawOutline(look.assessment.usable ? look.assessment.outline : null);
    view.maySave(!kept.isBusy);
    if (missing && !isLast && performance.now() - takenAt > BETWEEN_MS) takePicture();
    view.root.dataset.frames = String(Number(view.root.dataset.frames ?? 0) + 1);
  },
  picture({ jpeg }) {
    if (!missing) return; // the camera was stopped meanwhile
    // Nothing was seen yet since the last one: the next look has it.
    takenAt = jpeg ? performance.now() : 0;
    if (jpeg && !taken.jpegs.some(({ size }) => size === jpeg.size)) { // else it is the very same frame
      taken.jpegs.push(jpeg);
      missing--;
    }
    if (isLast || !missing) return saveTaken();
    if (!jpeg) return;
    keepTaken(); // the page may go at any moment
    worker.postMessage({ task: "forget" }); // so that the next one is of other frames
    view.say("live-said", view.filled("taken", { number: String(taken.jpegs.length), total: String(taken.jpegs.length + missing) }));
  },
  failed({ task, error }) {
    if (task === "frame") answered();
    console.error(task, error);
    if (task !== "frame") takenAt = 0; // no picture comes any more
    close();
    view.showProgress(null);
    view.say("said", says[task === "load" ? "no_model" : "broken"]);
  },
};
worker.addEventListener("message", ({ data }) => answers[data.said](data));
worker.addEventListener("error", () => gone("load"));

/** The worker is, until the page is loaded again. @param {"load" | "silence"} task */
function gone(task) {
  worker.terminate(); // it may be busy for ever
  wanted = false;
  view.open.disabled = true;
  answers.failed({ task, error: "worker" });
}

function answered() {
  underway--;
  asked--;
  heardAt = performance.now();
}

async function open() {
  if (camera.isOn) return;
  wanted = true;
  heardAt = performance.now(); // it may have slept, as the page did
  view.open.disabled = true;
  view.say("said", says.starting);
  try {
    if (!await camera.open()) return; // hidden meanwhile: starts again when it is shown
  } catch (error) {
    wanted = false;
    camera.close();
    view.say("said", says[error instanceof Error ? error.name : ""] ?? says.failed);
    view.open.disabled = false;
    view.show("start");
    if (document.activeElement === document.body) view.open.focus(); // it had it, and was disabled
    return;
  }
  view.say("said", null);
  view.open.disabled = false;
  view.show("live");
  view.offer(camera.abilities, camera.zoom);
  view.offerCameras(await cameras(), camera.deviceId);
  newRound();
  const { generation } = camera;
  camera.next(() => pump(generation));
}

function close() {
  endTaking();
  camera.close();
  newRound();
  view.show("start");
}

/** The camera closes, or goes on to another mole: of pictures that are taken, those that are there,
 * or that the worker is giving, are saved. */
function endTaking() {
  if (!missing) return;
  isLast = true;
  if (takenAt !== Infinity) saveTaken();
}

/** Nothing of earlier frames is shown or saved any more; only a warning sign stays. */
function newRound() {
  round++;
  lookedAt = Infinity;
  worker.postMessage({ task: "forget" });
  view.maySave(false);
  view.say("still", null);
  view.say("live-said", null);
  view.showAnswer(steady.pause());
  view.drawOutline(null);
}

/** Frames to the worker, as many as it manages. @param {number} generation of the camera */
async function pump(generation) {
  if (generation !== camera.generation) return;
  if (underway < AHEAD) {
    underway++;
    const of = round;
    const at = performance.now();
    const bitmap = await camera.frame();
    if (bitmap && of === round) {
      if (!asked++) heardAt = performance.now();
      worker.postMessage({ task: "frame", bitmap, round, at }, [bitmap]);
    } else {
      bitmap?.close(); // of what was framed before
      underway--;
    }
  }
  camera.next(() => pump(generation));
}

/** @param {number} count of pictures, which get one answer together */
function take(count) {
  if (!view.canSave || kept.isBusy) return;
  kept.isBusy = true;
  view.say("kept-said", null);
  taken = { id: crypto.randomUUID(), person: program.person, jpegs: [], advice: shown.advice ?? "", savedAt: Date.now() };
  missing = count;
  takePicture();
}

/** Of frames that came since the last one: what moved meanwhile makes them differ. */
function takePicture() {
  takenAt = Infinity;
  worker.postMessage({ task: "picture" });
}

function saveTaken() {
  const place = isLast ? "kept-said" : "live-said";
  missing = 0;
  isLast = false;
  if (taken.jpegs.length) return save(place);
  kept.isBusy = false;
  view.say(place, says.not_taken);
}

/** One after the other: what is kept last has all pictures. */
function keepTaken() {
  const picture = taken;
  keeping = keeping.then(() => outbox.keep(picture)).then(() => true, (error) => {
    console.warn("Not kept:", error);
    return false;
  });
  return keeping;
}

/** What was taken. @param {string} place of what is said */
async function save(place) {
  const picture = taken;
  const isKept = await keepTaken();
  await kept.finish(() => kept.send(picture, place, isKept)); // the next look offers to save again
  if (isKept) kept.afterwards(); // else what is said of it would be lost, too
}

/** The service worker, once all that it stores is in the browser's cache. @param {string} variant */
async function keepForOffline(variant) {
  if (!("serviceWorker" in navigator)) return;
  try {
    const registration = await navigator.serviceWorker.register(`${program.serviceWorker}?runtime=${variant}`);
    if (registration.waiting) takeUpdate(registration.waiting);
    const follow = () => {
      const { installing } = registration;
      if (!installing) return;
      installing.onstatechange = () => {
        if (installing.state === "installed" && registration.active) takeUpdate(installing);
      };
    };
    registration.addEventListener("updatefound", follow);
    follow(); // it may have been found before this page asked
    await navigator.serviceWorker.ready;
    view.root.dataset.offline = "ready";
  } catch (error) {
    console.warn("Not kept for offline use:", error); // the page works all the same
  }
}

/** A newer build is stored: it takes over at once, or when the person says so where the camera is
 * in use. Another tab may have it take over: this one goes on as it is then.
 * @param {ServiceWorker} newer */
function takeUpdate(newer) {
  let isAsked = false;
  let hasTakenOver = false;
  const go = () => {
    if (kept.isBusy || (wanted && !isAsked)) return;
    if (hasTakenOver) location.reload();
    else newer.postMessage("take over");
  };
  navigator.serviceWorker.addEventListener("controllerchange", () => {
    hasTakenOver = true;
    go();
  });
  view.update.addEventListener("click", () => {
    isAsked = true;
    kept.afterwards = go;
    go();
  });
  view.update.hidden = false;
  go();
}

/** An installed app stays open for weeks: it looks when it comes back. */
async function lookForUpdate() {
  view.signedOut.hidden = true; // else it is said again
  const registration = await navigator.serviceWorker?.getRegistration();
  await registration?.update().catch((error) => console.warn("No update:", error)); // offline
}

function sayNetwork() {
  view.say("network", navigator.onLine ? null : says.is_offline);
}

view.open.addEventListener("click", open);
view.stop.addEventListener("click", () => {
  wanted = false;
  close();
  // Perhaps while another camera was about to open, which is now thrown away.
  view.say("said", null);
  view.open.disabled = false;
});
view.anew.addEventListener("click", () => {
  endTaking(); // of the mole before
  steady.anew();
  newRound();
});
view.save.addEventListener("click", () => take(1));
view.burst.addEventListener("click", () => take(BURST));
view.torch.addEventListener("click", async () => {
  const on = view.torch.getAttribute("aria-pressed") !== "true";
  const done = await camera.set({ torch: on });
  view.say("live-said", done ? null : says.no_torch);
  if (done) view.torch.setAttribute("aria-pressed", String(on));
});
view.zoom.addEventListener("input", async () => {
  const done = await camera.set({ zoom: Number(view.zoom.value) });
  view.say("live-said", done ? null : says.no_zoom);
  if (!done) view.zoom.value = String(camera.zoom);
});
view.cameras.addEventListener("change", () => {
  remember(view.cameras.value);
  endTaking();
  camera.close();
  newRound();
  open();
});
camera.onstill = (stands) => {
  if (stands) newRound(); // the last answer is to what is not framed any more
  view.say("still", stands ? says.stands_still : null);
};
// Where the worker stands still, the picture moves on.
setInterval(() => {
  if (performance.now() - lookedAt > OLD_MS) newRound();
  if (camera.isOn && asked && performance.now() - heardAt > SILENT_MS) gone("silence");
}, OLD_MS / 5);
camera.onend = () => {
  close();
  view.say("said", says.taken_away);
};

// The camera is off while nobody looks.
document.addEventListener("visibilitychange", () => {
  if (document.hidden && camera.isOn) close();
  else if (!document.hidden && wanted) open();
  if (!document.hidden) lookForUpdate();
});
addEventListener("pagehide", close);
// The stored page still has the token of the session in which it was stored.
document.addEventListener("submit", ({ target }) => {
  const token = /** @type {HTMLFormElement} */ (target).elements.namedItem("csrfmiddlewaretoken");
  if (token instanceof HTMLInputElement) token.value = cookie("csrftoken");
});
navigator.serviceWorker?.addEventListener("message", ({ data }) => {
  if (data === "signed out") view.signedOut.hidden = false;
});
addEventListener("online", sayNetwork);
addEventListener("offline", sayNetwork);

sayNetwork();
view.open.disabled = true;
if (!isSecureContext) view.say("said", says.SecurityError);
else if (!navigator.mediaDevices?.getUserMedia || typeof OffscreenCanvas === "undefined") view.say("said", says.unsupported);
else worker.postMessage({ task: "load", program });
