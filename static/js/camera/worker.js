/** The worker: keeps the model, judges one frame after the other, remembers the sharpest.
 *
 * A classic script, since the runtime loads its own parts by importScripts. */

/**
 * @typedef {{ bitmap: ImageBitmap, usable: boolean, sharpness: number, at: number }} Kept
 */

const MODALITY = "photo";
const MOST_KEPT = 6; // frames, of which the sharpest is saved
const KEPT_MS = 1500; // before the last one: what is older may be of another mole
const JPEG_QUALITY = 0.95;

/** @type {import("./classifier.js").Classifier} */
let classifier;
/** @type {Kept[]} */
let kept = [];
const canvas = new OffscreenCanvas(1, 1);
// The browser turns whatever the camera gives into sRGB here, which the server does for files.
const context = /** @type {OffscreenCanvasRenderingContext2D} */ (
  canvas.getContext("2d", { willReadFrequently: true, alpha: false, colorSpace: "srgb" }));

/** The work, one piece after the other. */
let queue = Promise.resolve();

addEventListener("message", ({ data }) => {
  queue = queue.then(() => tasks[/** @type {keyof typeof tasks} */ (data.task)](data)).catch((error) => {
    postMessage({ said: "failed", task: data.task, error: String(error) });
  });
});

const tasks = {
  /** @param {{ program: import("./runtime.js").Program }} message */
  async load({ program }) {
    const [{ Classifier }, { start }, card, model] = await Promise.all([
      import("./classifier.js"),
      import("./runtime.js"),
      fetch(program.card).then(checked).then((response) => response.json()),
      download(program),
    ]);
    const { run, variant } = await start(program, model);
    classifier = new Classifier(card, run, MODALITY);
    await run(new Float32Array(card.side * card.side * 3)); // so that no frame pays for it
    postMessage({ said: "ready", variant, version: card.version });
  },

  /** @param {{ bitmap: ImageBitmap, round: number, at: number }} message a square, what it belongs
   * to, and when it was taken */
  async frame({ bitmap, round, at }) {
    const side = bitmap.width;
    canvas.width = canvas.height = side;
    context.drawImage(bitmap, 0, 0);
    const look = await classifier.look(context.getImageData(0, 0, side, side));
    keep({ bitmap, usable: look.assessment.usable, sharpness: look.sharpness, at });
    postMessage({ said: "look", look, round });
  },

  /** The sharpest of the last frames, those before others that can be judged; null without any. */
  async picture() {
    if (!kept.length) return postMessage({ said: "picture", jpeg: null });
    const best = kept.reduce((a, b) =>
      (b.usable === a.usable ? b.sharpness > a.sharpness : b.usable) ? b : a);
    canvas.width = canvas.height = best.bitmap.width;
    context.drawImage(best.bitmap, 0, 0);
    postMessage({ said: "picture", jpeg: await canvas.convertToBlob({ type: "image/jpeg", quality: JPEG_QUALITY }) });
  },

  /** Forget all frames: another mole, or the camera is off. */
  async forget() {
    for (const { bitmap } of kept) bitmap.close();
    kept = [];
  },
};

/** @param {Kept} frame */
function keep(frame) {
  kept.push(frame);
  while (kept.length > MOST_KEPT || kept[0].at < frame.at - KEPT_MS) kept.shift()?.bitmap.close();
}

/** The model's file, its checksum compared. @param {import("./runtime.js").Program} program */
async function download({ model, bytes, sha256 }) {
  const body = /** @type {ReadableStream<Uint8Array>} */ (checked(await fetch(model)).body);
  const content = new Uint8Array(bytes);
  let loaded = 0;
  const reader = body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    content.set(value, loaded);
    loaded += value.length;
    postMessage({ said: "loading", loaded, bytes });
  }
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", content));
  const hexadecimal = Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
  if (loaded !== bytes || hexadecimal !== sha256) throw new Error("The model's file is damaged.");
  await lay(model, content);
  return content;
}

/** Where the service worker takes it from, so that it comes over the wire only once.
 * @param {string} address @param {Uint8Array<ArrayBuffer>} content */
async function lay(address, content) {
  try {
    if (await caches.match(address)) return;
    await (await caches.open("camera-loaded")).put(address, new Response(content));
  } catch (error) {
    console.warn("Not stored:", error); // private windows may forbid it
  }
}

/** @param {Response} response */
function checked(response) {
  if (!response.ok) throw new Error(`${response.status} ${response.url}`);
  return response;
}
