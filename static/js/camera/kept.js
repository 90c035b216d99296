/** What is kept on the phone: shown, sent and deleted, one thing at a time. */

import * as outbox from "./outbox.js";
import { send } from "./send.js";

const KEPT_MS = 30 * 24 * 3600 * 1000;
const EARLIEST = Date.UTC(2026, 0); // before there was this program, a clock was wrong

export class Kept {
  afterwards = () => {}; // what was asked for meanwhile
  #isBusy = false;

  /** @param {import("./view.js").Page} page @param {import("./runtime.js").Sending} program */
  constructor(page, program) {
    this.page = page;
    this.program = program;
    page.keptList.addEventListener("click", async (/** @type {Event} */ event) => {
      const button = /** @type {HTMLElement} */ (event.target).closest("button");
      if (!button || this.isBusy) return;
      this.isBusy = true;
      await this.finish(() => this.#sendOrDelete(button));
      this.afterwards();
    });
    addEventListener("pageshow", () => { this.isBusy = false; }); // back from the result
    this.#show().then(() => this.#dropOld());
  }

  /** Until what is taken is sent or kept, and what was pressed is done. */
  get isBusy() {
    return this.#isBusy;
  }

  set isBusy(is) {
    this.#isBusy = is;
    this.page.lock(is);
  }

  /** A browser may lose its database at any moment: what comes next is free all the same.
   * @param {() => Promise<boolean>} work tells whether its result comes in place of this page */
  async finish(work) {
    try {
      this.isBusy = await work();
    } catch (error) {
      console.error(error);
      this.page.say("kept-said", this.page.words.says.broken);
      this.isBusy = false;
    }
  }

  /** @param {import("./outbox.js").Picture} picture @param {string} place of what is said
   * @param {boolean} isKept whether it is on the phone, too
   * @returns {Promise<boolean>} whether it was sent, so that its result comes in place of this page */
  async send(picture, place, isKept = true) {
    const { page, program } = this;
    const { says } = page.words;
    page.say(place, says.sending);
    const body = new FormData();
    for (const jpeg of picture.jpegs) body.append("image", jpeg, "mole.jpg");
    body.set("phone_advice", picture.advice);
    const answer = await send(program.records, body, picture.id, program.person);
    if ("id" in answer) {
      // What stays on the phone all the same makes no second record.
      await outbox.drop(picture.id).catch((error) => console.warn("Not dropped:", error));
      location.assign(program.result.replace("00000000-0000-0000-0000-000000000000", answer.id));
      return true;
    }
    const { problem, detail } = answer;
    const sentence = says[!isKept ? "not_kept" : problem === "broken" ? "offline" : problem];
    const seen = page.isLive ? place : "kept-said"; // the camera may be closed by now
    page.say(seen, problem === "refused" && detail ? `${sentence} ${detail}` : sentence);
    page.showSignIn(problem === "signIn");
    const isGone = isKept && !(await this.#show()).some(({ id }) => id === picture.id);
    if (isGone) page.say(seen, says.gone); // signing out deletes it, too
    return false;
  }

  /** A picture that is kept. @param {HTMLButtonElement} button
   * @returns {Promise<boolean>} whether its result comes in place of this page */
  async #sendOrDelete({ name, value }) {
    const picture = (await outbox.kept()).find(({ id }) => id === value);
    if (picture && name === "send") return this.send(picture, "kept-said");
    if (picture) await outbox.drop(value);
    this.page.say("kept-said", this.page.words.says[picture ? "deleted" : "gone"]);
    await this.#show();
    return false;
  }

  /** Shows, and gives, what is there of this person's. */
  async #show() {
    const own = (await outbox.kept()).filter((picture) => this.#isOwn(picture));
    this.page.showKept(own);
    return own;
  }

  async #dropOld() {
    let old = before(Date.now() - KEPT_MS, await outbox.kept());
    if (old.length) old = before(await servicesTime() - KEPT_MS, old);
    if (!old.length) return;
    await Promise.all(old.map(({ id }) => outbox.drop(id)));
    const number = String(old.filter((picture) => this.#isOwn(picture)).length);
    if (number !== "0") this.page.say("kept-said", this.page.filled("too_old", { number }));
    await this.#show();
  }

  /** @param {import("./outbox.js").Picture} picture */
  #isOwn(picture) {
    return (picture.person ?? this.program.person) === this.program.person;
  }
}

/** @param {number} time @param {import("./outbox.js").Picture[]} pictures */
function before(time, pictures) {
  return pictures.filter(({ savedAt }) => savedAt > EARLIEST && savedAt < time);
}

/** The phone's own clock may be ahead for a while; NaN, before which nothing was, without an answer. */
async function servicesTime() {
  const answer = await fetch(location.href, { method: "HEAD", signal: AbortSignal.timeout(10_000) }).catch(() => null);
  return Date.parse(answer?.headers.get("Date") ?? "");
}
