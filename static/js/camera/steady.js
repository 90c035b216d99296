/** From what each frame says to what the page says: calm, and never milder by hunting for it. */

const WINDOW_MS = 1500; // the last frames that count
const FEWEST = 3; // frames before anything is said
export const OLD_MS = 5000; // without a frame: what was said is of another scene
const APPEARS = 0.6; // the share of frames that can be judged, from which an answer appears
const VANISHES = 0.3; // and below which it goes
const SHARE = 1 / 3; // of the judged frames: from it on, the more serious answer counts
const UP_MS = 500; // how long a more serious answer must hold
const DOWN_MS = 3000; // how long a milder one
const CALM_MS = 10_000; // and how long nothing became milder before it
const HINT_SHARE = 0.4; // of the frames, from which a hint appears
const HINT_LEFT = 0.15; // and below which it goes
const BLURRED = "blurred"; // as in ml.taxonomy
const TOO_NEAR_MS = 4000; // of nothing but blur: holding still does not help
const DARK_SKIN = "dark_skin"; // as in ml.taxonomy: a warning that no better picture takes away

/**
 * @typedef {import("./classifier.js").Look} Look
 * @typedef {{ advice: string | null, isKept: boolean, isUntested: boolean, hint: string | null }} Shown
 *   advice: null while nothing is to be said; isKept: this mole was clearly flagged before;
 *   isUntested: hardly any tested skin was as dark; hint: a reason or warning, what to improve
 */

export class Steady {
  /** @param {string[]} advice from the mildest to the most serious, as in model.json */
  constructor(advice) {
    this.order = advice;
    this.anew();
  }

  /** Another mole. */
  anew() {
    /** @type {string | null} */
    this.flagged = null;
    this.pause();
  }

  /** The camera was off, so that its frames tell nothing any more. @returns {Shown} */
  pause() {
    /** @type {{ look: Look, at: number }[]} */
    this.frames = [];
    this.visible = false;
    /** @type {boolean} */
    this.dark = false;
    /** @type {string | null} */
    this.advice = null;
    /** @type {number} */
    this.changed = -Infinity;
    /** @type {{ advice: string, since: number } | null} */
    this.candidate = null;
    /** @type {number | null} */
    this.blurredSince = null;
    /** @type {string | null} */
    this.lacking = null;
    /** @type {number} */
    this.now = 0;
    return this.shown();
  }

  /** @param {Look} look @param {number} at milliseconds @returns {Shown} */
  add(look, at) {
    const before = this.frames.at(-1);
    if (before && at - before.at > OLD_MS) this.pause();
    this.now = at;
    this.frames.push({ look, at });
    while (this.frames.length > FEWEST && this.frames[0].at < at - WINDOW_MS) this.frames.shift();
    if (look.isClearlyFlagged) this.flagged = this.worse(this.flagged, look.assessment.advice);
    const usable = this.frames.filter((frame) => frame.look.assessment.usable);
    const share = usable.length / this.frames.length;
    const wasVisible = this.visible;
    if (this.frames.length >= FEWEST) this.visible = share >= (this.visible ? VANISHES : APPEARS);
    const dark = this.frames.filter((frame) => frame.look.assessment.warnings.includes(DARK_SKIN));
    this.dark = dark.length / this.frames.length >= (this.dark ? VANISHES : APPEARS);
    const said = usable.map((frame) => frame.look.assessment.advice);
    if (this.visible && said.length) this.follow(said, at, !wasVisible);
    const blurred = this.frames.filter((frame) => frame.look.assessment.reasons.includes(BLURRED));
    if (blurred.length < this.frames.length * HINT_SHARE) this.blurredSince = null;
    else this.blurredSince ??= at;
    this.lacking = this.lack();
    return this.shown();
  }

  /** @returns {Shown} */
  shown() {
    const advice = this.visible ? this.worse(this.flagged, this.advice) : this.flagged;
    return {
      advice,
      isKept: this.flagged !== null,
      isUntested: advice !== null && this.dark,
      hint: this.hint(),
    };
  }

  /** Let the answer follow the frames: soon to the more serious, slowly to the milder.
   * @param {string[]} said of the frames that can be judged @param {number} at
   * @param {boolean} appears after a while without one: what was said then may be of another mole */
  follow(said, at, appears) {
    const seriously = this.order.filter((advice) =>
      said.filter((other) => this.rank(other) >= this.rank(advice)).length >= said.length * SHARE);
    const advice = /** @type {string} */ (seriously.at(-1)); // the mildest is always among them
    if (this.candidate?.advice !== advice) this.candidate = { advice, since: at };
    const held = at - this.candidate.since;
    const up = this.rank(advice) > this.rank(this.advice);
    const calm = held >= DOWN_MS && at - this.changed >= CALM_MS;
    if (this.advice === null || (up && (appears || held >= UP_MS)) || (advice !== this.advice && calm)) {
      this.advice = advice;
      this.changed = at;
    }
  }

  /** What to improve: what most of the last frames lack, or "too_near" where they stay blurred. */
  hint() {
    const blurredMs = this.now - (this.blurredSince ?? this.now);
    return blurredMs >= TOO_NEAR_MS ? "too_near" : this.lacking;
  }

  /** What most of the last frames lack: what keeps them from being judged before all else. Until
   * hardly one lacks it: a screen reader reads each change. */
  lack() {
    for (const kind of /** @type {const} */ (["reasons", "warnings"])) {
      /** @type {Map<string, number>} */
      const counts = new Map();
      for (const { look } of this.frames) {
        const [first] = look.assessment[kind].filter((code) => code !== DARK_SKIN);
        if (first) counts.set(first, (counts.get(first) ?? 0) + 1);
      }
      const most = [...counts].sort((a, b) => b[1] - a[1])[0];
      if (most && most[1] >= this.frames.length * HINT_SHARE) return most[0];
      if ((counts.get(this.lacking ?? "") ?? 0) >= this.frames.length * HINT_LEFT) return this.lacking;
    }
    return null;
  }

  /** @param {string | null} advice */
  rank(advice) {
    return advice === null ? -1 : this.order.indexOf(advice);
  }

  /** @param {string | null} a @param {string | null} b */
  worse(a, b) {
    return this.rank(a) >= this.rank(b) ? a : b;
  }
}
