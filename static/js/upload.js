/**
 * The upload form made easier: the pictures chosen on it, sent with progress. Pictures of one mole
 * are one request, those of different moles one each. Each request has a key of its own, so that
 * sending it again makes no second record.
 */

import { send as sendToApi } from "./camera/send.js";
import {
  button, fill, form, isSending, keyOfAll, kindOf, leave, left, nameButton, notice, one, pictures,
  say, together, words,
} from "./chosen-pictures.js";

/** @typedef {import("./chosen-pictures.js").Picture} Picture */

const NO_ID = "00000000-0000-0000-0000-000000000000";
/** What the API calls otherwise than the form. @type {Record<string, string>} */
const FIELDS = { mole_name: "name" };

/** What the form says of the pictures, in the API's words. @param {Picture[]} sent */
function body(sent) {
  const data = new FormData(form);
  for (const name of ["image", "modality"]) data.delete(name);
  for (const picture of sent) {
    data.append("image", picture.file, picture.file.name);
    data.append("modality", kindOf(picture));
  }
  // A name makes one mole of different pictures, so that it has to be the person's own.
  data.set("mole_is_new", String(data.get("name") === data.get("suggested")));
  data.set("size_mm", String(data.get("size_mm") ?? "").replace(",", "."));
  data.set("only_new", String(!sent.some(({ again }) => again)));
  for (const [theirs, ours] of Object.entries(FIELDS)) data.set(theirs, String(data.get(ours) ?? ""));
  for (const unknown of ["csrfmiddlewaretoken", "key", "again", "dermoscopy", "together", "suggested", ...Object.values(FIELDS)]) data.delete(unknown);
  return data;
}

/** Send a picture, or several of one mole, of which the first says how it goes; the sentence, or
 * links, that end the sending, or nothing.
 * @param {Picture[]} sent @returns {Promise<string | Node[]>} */
async function send(sent) {
  const [picture] = sent;
  const key = sent.length > 1 ? keyOfAll : picture.key;
  const progress = one(picture.element, "progress");
  progress.hidden = false;
  say(picture, words.progress);
  const answer = await sendToApi(words.api, body(sent), key, words.person, {
    progress: (share) => { progress.value = share; },
    arrived: () => say(picture, words.storing),
  });
  progress.hidden = true;
  say(picture, "");
  if ("id" in answer) {
    const address = words.result.replace(NO_ID, answer.id);
    for (const each of sent) {
      each.url = address;
      each.element.dataset.sent = "";
    }
    sayWithResult(picture, `${words.sent}.`, address);
    return "";
  }
  const { problem, status, detail, errors, same_picture: same, picture_number: which = 1 } = answer;
  if (same) {
    const one = sent[which - 1];
    sayWithResult(one, detail ?? "", words.result.replace(NO_ID, same));
    offerAgain(one);
    one.refused = true;
    return "";
  }
  const gone = problem === "offline" ? await unreadable(sent) : [];
  for (const one of gone) {
    say(one, words.gone, true);
    one.refused = true;
  }
  if (gone.length) return "";
  if (sent.length > 1 && errors?.image) return errors.image.join(" ");
  if (status === 413 || errors?.image) {
    say(picture, errors?.image?.[0] ?? fill(words.tooLarge, { name: picture.original.name }), true);
    picture.refused = true;
    return "";
  }
  if (errors) return problems(errors);
  if (problem === "refused" && detail) return detail;
  /** @type {Record<import("./camera/send.js").Problem, string>} */
  const sentences = { offline: words.lost, signIn: words.signedOut, refused: words.broken, broken: words.broken };
  return sentences[problem];
}

/** What was deleted or changed on the disk since it was chosen: no sending would ever arrive.
 * @param {Picture[]} of @returns {Promise<Picture[]>} */
async function unreadable(of) {
  const can = await Promise.all(of.map(({ file }) => file.slice(0, 1).arrayBuffer().then(() => true, () => false)));
  return of.filter((_, number) => !can[number]);
}

/** @param {Picture} picture @param {string} sentence @param {string} address */
function sayWithResult(picture, sentence, address) {
  const link = document.createElement("a");
  link.href = address;
  link.textContent = words.seeResult;
  say(picture, `${sentence} `);
  one(picture.element, "[role=status]").append(link);
}

/** The very same picture was sent before: the person decides. @param {Picture} picture */
function offerAgain(picture) {
  const actions = one(picture.element, ".actions");
  if (actions.querySelector("[data-again]")) return;
  const again = document.createElement("button");
  again.type = "button";
  again.dataset.again = "";
  again.textContent = words.sendAgain;
  again.setAttribute("aria-label", `${words.sendAgain}: ${picture.original.name}`);
  again.addEventListener("click", () => {
    if (isSending()) return;
    picture.again = true;
    again.remove();
    sendAll();
  });
  actions.prepend(again);
}

/** What is wrong in the other fields: said at each, and as links to them. @param {Record<string, string[]>} errors */
function problems(errors) {
  const links = Object.entries(errors).flatMap(([name, sentences]) => sentences.map((sentence) => {
    const link = document.createElement("a");
    link.href = `#id_${FIELDS[name] ?? name}`;
    link.textContent = sentence;
    return link;
  }));
  for (const [name, sentences] of Object.entries(errors)) mark(FIELDS[name] ?? name, sentences);
  const outside = Object.keys(errors).every((name) => name === "together");
  for (const details of form.querySelectorAll("details")) details.open ||= !outside;
  return links;
}

/** Say it at the field, as the server does where there is no script.
 * @param {string} name @param {string[]} sentences */
function mark(name, sentences) {
  const field = one(form, `.field > #id_${name}`);
  if (!field) return; // buttons in their labels: the link leads there
  const error = document.createElement("div");
  error.className = "field-error";
  error.id = `${field.id}_problem`;
  error.dataset.problem = field.getAttribute("aria-describedby") ?? "";
  error.textContent = sentences.join(" ");
  field.before(error);
  field.parentElement.classList.add("invalid");
  field.setAttribute("aria-invalid", "true");
  field.setAttribute("aria-describedby", `${error.dataset.problem} ${error.id}`.trim());
}

function unmark() {
  for (const error of /** @type {NodeListOf<HTMLElement>} */ (form.querySelectorAll("[data-problem]"))) {
    const field = /** @type {any} */ (error.nextElementSibling);
    field.parentElement.classList.remove("invalid");
    field.removeAttribute("aria-invalid");
    field.setAttribute("aria-describedby", error.dataset.problem);
    error.remove();
  }
}

/** What stands against sending all of them as pictures of one mole. */
function notTogether() {
  if (left().length > Number(words.most)) return words.tooMany;
  const bytes = left().reduce((sum, { file }) => sum + file.size, 0);
  return bytes > Number(words.maxTogether) ? words.tooLargeTogether : "";
}

/** @param {string | Node[]} problem */
function stop(problem) {
  one(notice, "p").replaceChildren(...[problem].flat());
  notice.hidden = false;
  notice.focus();
}

/** While pictures are on their way, nothing more is said of them: it would not go along.
 * @param {boolean} isHeld */
function hold(isHeld) {
  /** @type {NodeListOf<HTMLElement>} */
  const said = form.querySelectorAll("details, .choice, [data-several], [data-kind]");
  if (isHeld && [...said].some((part) => part.matches(":focus-within"))) button.focus();
  for (const part of said) part.inert = isHeld;
}

async function sendAll() {
  unmark();
  const choice = together();
  if (!choice) return stop(problems({ together: [words.sameMole] }));
  const against = choice === "yes" && notTogether();
  if (against) return stop(against);
  const unsent = left();
  if (!unsent.length) return leave(); // once more: the result did not load
  for (const one of unsent) one.refused = false;
  notice.hidden = true;
  button.setAttribute("aria-disabled", "true");
  form.dataset.sending = "";
  hold(true);
  /** @type {string | Node[]} */
  let problem = "";
  // Pictures count as taken in the order in which they are sent.
  const inTime = [...unsent].sort((a, b) => a.original.lastModified - b.original.lastModified);
  for (const sent of choice === "yes" ? [unsent] : inTime.map((one) => [one])) {
    problem = await send(sent);
    if (problem) break;
  }
  button.removeAttribute("aria-disabled");
  delete form.dataset.sending;
  hold(false);
  if (problem) {
    button.textContent = words.again;
    return stop(problem);
  }
  const refused = pictures.find((one) => one.refused);
  if (refused) return one(refused.element, "[data-again], [data-remove]").focus();
  if (!left().length) return leave();
  nameButton(); // for what was chosen meanwhile
  button.focus();
}

form.addEventListener("submit", (event) => {
  if (!pictures.length) return; // the server says what is missing
  event.preventDefault();
  if (!isSending()) sendAll();
});

// Leaving now would lose what is on its way.
addEventListener("beforeunload", (event) => { if (isSending()) event.preventDefault(); });
