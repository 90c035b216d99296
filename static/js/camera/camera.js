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
    this.isOn = false; // open, or opening
    this.generation = 0; // grows with each opening and closing: earlier ones have no say any more
    /** Called when the camera is taken away. */
    this.onend = () => {};
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
    const stream = await navigator.mediaDevices.getUserMedia(WANTED);
    if (document.hidden) this.close(); // asked for before, given while nobody looks
    if (generation !== this.generation) return stop(stream);
    this.stream = stream;
    this.track.addEventListener("ended", () => this.onend());
    this.video.srcObject = this.stream;
    if (this.abilities.focusMode?.includes("continuous")) await this.set({ focusMode: "continuous" });
    await this.video.play();
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

/** @param {MediaStream} stream */
function stop(stream) {
  for (const track of stream.getTracks()) track.stop();
}
