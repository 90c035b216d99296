/** The phone's rear camera, and the framed square of what it sees. */

import { cameras, canFocus, rank, remember, remembered } from "./devices.js";

const FRAMED = 0.7; // of the shorter side; .guide in camera.css is as large
const SIZE = { width: { ideal: 1920 }, height: { ideal: 1080 } };
const PATIENCE_MS = 100; // for the browser to tell of a new picture, before it is asked
const FROZEN_MS = 3000; // without a new picture: something is wrong
// Of a camera that was chosen once: it is gone, or does not start, as one that another program makes.
const NOT_OPENED = ["OverconstrainedError", "NotFoundError", "NotReadableError", "AbortError"];

/** What some cameras can do and TypeScript does not know.
 * @typedef {MediaTrackCapabilities & {
 *   torch?: boolean, zoom?: { min: number, max: number, step: number }, focusMode?: string[],
 * }} Abilities */

export class Camera {
  /** @param {HTMLVideoElement} video in the page already, which iOS asks for */
  constructor(video) {
    this.video = video;
    /** @type {MediaStream | null} */
    this.stream = null;
    this.isOn = false; // open, or opening
    this.generation = 0; // grows with each opening and closing: earlier ones have no say any more
    /** Called when the camera is taken away. */
    this.onend = () => {};
    /** Called when its picture stops, and when it goes on. @type {(stands: boolean) => void} */
    this.onstill = () => {};
  }

  /** Whether it is open, and was not closed meanwhile.
   * Raises DOMException: NotAllowedError, NotFoundError, NotReadableError … */
  async open() {
    this.isOn = true;
    const generation = ++this.generation;
    try {
      await this.start(generation);
    } catch (error) {
      if (generation === this.generation) throw error;
    }
    return generation === this.generation;
  }

  /** @param {number} generation */
  async start(generation) {
    if (!await this.takeChosen(generation)) return;
    if (!remembered()) await this.takeBetter(generation);
    if (generation !== this.generation) return;
    this.track.addEventListener("ended", () => this.onend());
    // A wish: cameras that refuse it look all the same.
    if (this.abilities.focusMode?.includes("continuous")) await this.set({ focusMode: "continuous" });
    // Not waited for: without a first picture, as of a muted camera, it would never begin.
    this.video.play().catch((error) => console.warn("Not played:", error));
    this.watch(generation);
  }

  /** The camera of the last time. Where only another one opens, that one: cameras can be chosen
   * while one looks, and not before. @param {number} generation */
  async takeChosen(generation) {
    const chosen = remembered();
    try {
      return await this.take(generation, chosen);
    } catch (error) {
      if (!chosen || !(error instanceof DOMException) || !NOT_OPENED.includes(error.name)) throw error;
      const isOpen = await this.take(generation, null);
      remember(null);
      return isOpen;
    }
  }

  /** Open one, in place of the one before. @param {number} generation
   * @param {string | null} deviceId null: the browser's choice @returns {Promise<boolean>} */
  async take(generation, deviceId) {
    const which = deviceId ? { deviceId: { exact: deviceId } } : { facingMode: { ideal: "environment" } };
    const stream = await navigator.mediaDevices.getUserMedia({ audio: false, video: { ...which, ...SIZE } });
    if (document.hidden) this.close(); // asked for before, given while nobody looks
    if (generation !== this.generation) {
      stop(stream);
      return false;
    }
    this.stream = this.video.srcObject = stream;
    return true;
  }

  /** Another one, where that is made for what is near or this one can't focus; phones have one
   * camera at a time. @param {number} generation */
  async takeBetter(generation) {
    const first = this.deviceId;
    const offered = await cameras();
    const own = offered.find(({ deviceId }) => deviceId === first);
    const others = offered.filter((other) => other !== own);
    const better = canFocus(this.abilities) ? others.filter(({ label }) => rank(label) > rank(own?.label ?? "")) : others;
    if (!better.length) return;
    for (const { deviceId } of better) {
      if (this.stream) stop(this.stream);
      const isOpen = await this.take(generation, deviceId).catch((error) => console.warn("Not opened:", error));
      if (isOpen === false || generation !== this.generation) return; // closed meanwhile
      if (isOpen && canFocus(this.abilities)) return remember(deviceId);
    }
    if (this.stream) stop(this.stream);
    if (await this.take(generation, first)) remember(first); // so that the others are not tried each time
  }

  /** Say when no new picture comes. @param {number} generation */
  watch(generation) {
    let { currentTime } = this.video, since = performance.now(), stands = false;
    const timer = setInterval(() => {
      if (generation !== this.generation) return clearInterval(timer);
      if (this.video.currentTime !== currentTime && !this.track.muted) {
        ({ currentTime } = this.video);
        since = performance.now();
      }
      const now = performance.now() - since > FROZEN_MS;
      if (now !== stands) this.onstill((stands = now));
    }, FROZEN_MS / 6);
  }

  close() {
    this.isOn = false;
    this.generation++;
    if (this.stream) stop(this.stream);
    this.stream = this.video.srcObject = null;
  }

  get track() {
    return /** @type {MediaStream} */ (this.stream).getVideoTracks()[0];
  }

  get deviceId() {
    return this.track.getSettings().deviceId ?? "";
  }

  /** How near it is set to; 1 where the browser does not tell. */
  get zoom() {
    return /** @type {{ zoom?: number }} */ (this.track.getSettings()).zoom ?? 1;
  }

  /** @returns {Abilities} */
  get abilities() {
    return this.track.getCapabilities?.() ?? {};
  }

  /** @param {Record<string, unknown>} wish
   * @returns {Promise<boolean>} whether the camera did it: some say that they can, and refuse */
  async set(wish) {
    try {
      await this.track.applyConstraints({ advanced: [/** @type {MediaTrackConstraintSet} */ (wish)] });
      return true;
    } catch (error) {
      console.warn("Refused:", wish, error);
      return false;
    }
  }

  /** The framed square as it is now, however the phone is turned; null where there is no picture,
   * as before the first one, or between two. */
  async frame() {
    const { videoWidth: width, videoHeight: height } = this.video;
    const side = Math.round(Math.min(width, height) * FRAMED);
    if (!side) return null;
    const corner = [Math.round((width - side) / 2), Math.round((height - side) / 2)];
    return createImageBitmap(this.video, corner[0], corner[1], side, side).catch(() => null);
  }

  /** Call back once at the next picture of the camera. @param {() => void} callback */
  next(callback) {
    const { currentTime } = this.video;
    const { generation } = this;
    let isCalled = false;
    const call = () => {
      if (!isCalled) callback();
      isCalled = true;
    };
    // WebKitGTK 2.50 has this and never calls it for a camera.
    if ("requestVideoFrameCallback" in this.video) this.video.requestVideoFrameCallback(call);
    const look = () => {
      if (isCalled || generation !== this.generation) return;
      if (this.video.currentTime !== currentTime) call();
      else setTimeout(look, PATIENCE_MS);
    };
    setTimeout(look, PATIENCE_MS);
  }
}

/** @param {MediaStream} stream */
function stop(stream) {
  for (const track of stream.getTracks()) track.stop();
}
