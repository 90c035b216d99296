/** The phone's rear camera, and the framed square of what it sees. */

const FRAMED = 0.7; // of the shorter side; .guide in camera.css is as large
const WANTED = {
  audio: false,
  video: { facingMode: { ideal: "environment" }, width: { ideal: 1920 }, height: { ideal: 1080 } },
};

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
    /** Called when the camera is taken away. */
    this.onend = () => {};
  }

  /** Raises DOMException: NotAllowedError, NotFoundError, NotReadableError … */
  async open() {
    this.stream = await navigator.mediaDevices.getUserMedia(WANTED);
    this.track.addEventListener("ended", () => this.onend());
    this.video.srcObject = this.stream;
    if (this.abilities.focusMode?.includes("continuous")) await this.set({ focusMode: "continuous" });
    await this.video.play();
  }

  close() {
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    this.stream = this.video.srcObject = null;
  }

  get isOpen() {
    return this.stream !== null;
  }

  get track() {
    return /** @type {MediaStream} */ (this.stream).getVideoTracks()[0];
  }

  /** @returns {Abilities} */
  get abilities() {
    return this.track.getCapabilities?.() ?? {};
  }

  /** @param {Record<string, unknown>} wish one that the camera is able to */
  set(wish) {
    return this.track.applyConstraints({ advanced: [/** @type {MediaTrackConstraintSet} */ (wish)] });
  }

  /** The framed square as it is now, however the phone is turned; null before the first picture. */
  async frame() {
    const { videoWidth: width, videoHeight: height } = this.video;
    const side = Math.round(Math.min(width, height) * FRAMED);
    if (!side) return null;
    return createImageBitmap(this.video, Math.round((width - side) / 2), Math.round((height - side) / 2), side, side);
  }

  /** Call back at the next picture of the camera. @param {() => void} callback */
  next(callback) {
    if ("requestVideoFrameCallback" in this.video) this.video.requestVideoFrameCallback(callback);
    else requestAnimationFrame(callback);
  }
}
