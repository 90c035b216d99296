/**
 * The upload form made easier: camera, drop, paste, several pictures with preview and cropping, and
 * sending with progress. Pictures of one mole are one request, those of different moles one each.
 * Each request has a key of its own, so that sending it again makes no second record.
 */

import { cookie, send as sendToApi } from "./camera/send.js";

/** @param {ParentNode} root @param {string} selector @returns {any} */
const one = (root, selector) => root.querySelector(selector);

/** @type {HTMLFormElement} */
const form = one(document, "form[data-upload]");
const field = one(form, "[data-picture-field]");
/** @type {HTMLInputElement} */
const input = one(field, "[name=image]");
const camera = one(field, "[data-camera]");
const list = one(form, ".pictures");
const said = one(field, "[data-said]");
const button = one(form, "[type=submit]");
const notice = one(form, "[data-notice]");
const several = one(form, "[data-several]");
const ofAll = one(form, "[name=dermoscopy]");
/** @type {any} */
const words = form.dataset;

const NO_ID = "00000000-0000-0000-0000-000000000000";
/** What the API calls otherwise than the form. @type {Record<string, string>} */
const FIELDS = { mole_name: "name" };

/** @typedef {{ file: File, original: File, element: HTMLElement, key: string, url: string | null, shown?: Blob, again?: boolean, refused?: boolean }} Picture */

/** @type {Picture[]} */
let pictures = [];
let sending = false;

/** @param {string} sentence @param {Record<string, string>} values */
const fill = (sentence, values) => sentence.replace(/\{(\w+)\}/g, (_, name) => values[name]);
/** @param {number} bytes */
const size = (bytes) => new Intl.NumberFormat(document.documentElement.lang, {
  style: "unit", unit: bytes < 1e6 ? "kilobyte" : "megabyte", maximumSignificantDigits: 2,
}).format(bytes / (bytes < 1e6 ? 1e3 : 1e6));

// crypto.randomUUID is missing where a phone reads the page without TLS.
const newKey = () => [...crypto.getRandomValues(new Uint8Array(16))]
  .map((byte) => byte.toString(16).padStart(2, "0")).join("");
let keyOfAll = newKey(); // of pictures that are sent together

/* --- choosing ---------------------------------------------------------------------------------- */

/** @param {Iterable<File> | null} files */
function add(files) {
  const refused = [];
  for (const file of files ?? []) {
    // What kind it is, its content says: the browser, or else the server, looks at it.
    if (file.size > Number(words.maxBytes)) refused.push(fill(words.tooLarge, { name: file.name }));
    else pictures.push(card(file));
  }
  sayRefused(refused.join(" "));
  refresh();
}

/** @param {string} sentence */
function sayRefused(sentence) {
  said.textContent = sentence;
  said.classList.toggle("field-error", sentence !== "");
}

/** The native field names the files, too, and sends one should this script stop. */
function refresh() {
  const files = new DataTransfer();
  for (const picture of pictures) files.items.add(picture.file);
  input.files = files.files;
  list.hidden = one(field, "[data-crop-hint]").hidden = !pictures.length;
  keyOfAll = newKey();
  offerKinds(pictures.length > 1);
  notice.hidden = true;
  if (!sending) nameButton();
}

function nameButton() {
  button.textContent = pictures.length > 1 ? words.checkAll : words.check;
}

/** Of several pictures, each says how it was taken; of one, the form does. @param {boolean} each */
function offerKinds(each) {
  for (const { element } of pictures) {
    const box = one(element, "[data-kind] input");
    const kind = box.closest("[data-kind]");
    if (kind.hidden) box.checked = ofAll.checked;
    else if (!each) ofAll.checked = box.checked; // the one that is left
    kind.hidden = !each;
  }
  several.hidden = !each;
  ofAll.closest(".field").hidden = each;
}

/** @param {Picture} picture */
function kindOf({ element }) {
  const box = pictures.length > 1 ? one(element, "[data-kind] input") : ofAll;
  return box.checked ? "dermoscopy" : "photo";
}

/** What is not sent yet. */
const left = () => pictures.filter(({ url }) => !url);

/** "yes" for one mole, "no" for different ones, or nothing while there is no answer. */
const together = () => left().length > 1 ? new FormData(form).get("together") : "no";

/** @param {File} file @returns {Picture} */
function card(file) {
  const element = one(form, "template[data-card]").content.cloneNode(true).firstElementChild;
  /** @type {Picture} */
  const picture = { file, original: file, element, key: newKey(), url: null };
  const image = one(element, "img");
  const crop = element.querySelector("[data-crop]");
  image.addEventListener("load", () => {
    image.hidden = crop.hidden = false;
    facts(picture, image);
  });
  image.addEventListener("error", () => {
    image.hidden = crop.hidden = true;
    preview(picture);
  });
  crop.addEventListener("click", () => cropped(picture));
  element.querySelector("[data-remove]").addEventListener("click", () => remove(picture));
  // Cards of several pictures have the same words; each says of which one.
  for (const named of element.querySelectorAll("button, [data-kind] input, progress")) {
    const label = named.getAttribute("aria-label") ?? named.closest("button, label").textContent.trim();
    named.setAttribute("aria-label", `${label}: ${file.name}`);
  }
  list.append(element);
  show(picture);
  return picture;
}

/** Of kinds that this browser can't show (HEIC, TIFF, DICOM) the server makes a picture to crop,
 * or says why it can't; without a connection they are sent as they are. @param {Picture} picture */
async function preview(picture) {
  if (picture.shown) return say(picture, words.noPreview);
  say(picture, words.makingPreview);
  const data = new FormData();
  data.set("image", picture.file, picture.file.name);
  const headers = { "X-CSRFToken": cookie("csrftoken") };
  const response = await fetch(words.preview, { method: "POST", body: data, headers }).catch(() => null);
  if (!pictures.includes(picture)) return; // removed meanwhile
  if (response?.ok) {
    picture.shown = await response.blob();
    say(picture, "");
    return show(picture);
  }
  if (response?.status !== 400) return say(picture, words.noPreview);
  const { detail } = await response.json();
  if (sending) return; // the answer to that says it
  drop(picture);
  sayRefused(`${picture.original.name}: ${detail}`);
}

/** @param {Picture} picture */
function show(picture) {
  const image = one(picture.element, "img");
  URL.revokeObjectURL(image.src);
  const isCropped = picture.file !== picture.original;
  image.src = URL.createObjectURL(isCropped ? picture.file : picture.shown ?? picture.file);
  one(picture.element, "[data-name]").textContent = picture.original.name;
  facts(picture);
}

/** @param {Picture} picture @param {HTMLImageElement} [image] */
function facts({ file, original, element }, image) {
  const kind = file.type.replace(/^image\//, "") || (original.name.split(".").at(-1) ?? "");
  const pixels = image ? ` · ${image.naturalWidth} × ${image.naturalHeight}` : "";
  const changed = file === original ? "" : ` · ${words.cropped}`;
  one(element, "[data-facts]").textContent =
    `${kind.toUpperCase()} · ${size(file.size)}${pixels}${changed}`;
}

/** @param {Picture} picture */
async function cropped(picture) {
  const address = URL.createObjectURL(picture.shown ?? picture.original);
  /** @type {Blob | null} */
  const part = await one(document, "crop-dialog").crop(address).catch((/** @type {unknown} */ error) => {
    console.warn("Not cropped:", error);
    say(picture, error instanceof RangeError ? words.notCut : words.lost, true);
    return null;
  });
  URL.revokeObjectURL(address);
  one(picture.element, "[data-crop]").focus();
  if (!part) return;
  const name = picture.original.name.replace(/(\.\w+)?$/, ".jpg");
  picture.file = new File([part], name, { type: "image/jpeg" });
  picture.key = newKey();
  picture.element.querySelector("[data-again]")?.remove(); // another picture now
  say(picture, "");
  show(picture);
  refresh();
}

/** @param {Picture} picture */
function remove(picture) {
  drop(picture);
  if (pictures.length && !left().length) leave(); // the last one that was in the way
  input.focus();
}

/** @param {Picture} picture */
function drop(picture) {
  URL.revokeObjectURL(one(picture.element, "img").src);
  picture.element.remove();
  pictures = pictures.filter((other) => other !== picture);
  refresh();
}

/** @param {Picture} picture @param {string} sentence */
function say({ element, original }, sentence, isError = false) {
  const status = one(element, "[role=status]");
  status.textContent = sentence;
  if (sentence && pictures.length > 1) { // a screen reader hears it away from its card
    const name = document.createElement("span");
    name.className = "visually-hidden";
    name.textContent = `${original.name}: `;
    status.prepend(name);
  }
  status.classList.toggle("field-error", isError);
}

input.multiple = true;
one(field.parentElement ?? form, "[data-invitation]").hidden = false;
input.addEventListener("change", () => add(input.files));
// A quick hand, or a browser that restores the form, chose before this script was there.
add(input.files);

camera.addEventListener("change", () => { add(camera.files); camera.value = ""; });
if (matchMedia("(pointer: coarse)").matches) {
  const open = one(field, "[data-open-camera]");
  open.parentElement.hidden = false;
  open.addEventListener("click", () => camera.click());
} else {
  one(field, "[data-drop-hint]").hidden = false;
}

for (const kind of ["dragenter", "dragover"]) {
  document.addEventListener(kind, (event) => {
    if (!/** @type {DragEvent} */ (event).dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    field.dataset.over = "";
  });
}
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) delete field.dataset.over;
});
document.addEventListener("drop", (event) => {
  if (!event.dataTransfer?.files.length) return;
  event.preventDefault();
  delete field.dataset.over;
  add(event.dataTransfer.files);
});
document.addEventListener("paste", (event) => {
  if (!event.clipboardData?.files.length) return;
  event.preventDefault();
  add(event.clipboardData.files);
});

/* --- sending ----------------------------------------------------------------------------------- */

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
  const answer = await sendToApi(words.api, body(sent), key, {
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
    if (sending) return;
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

/** Everything has arrived. */
function leave() {
  const results = new Set(pictures.map(({ url }) => url));
  location.assign(results.size > 1 ? words.records : pictures[0].url ?? words.records);
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

async function sendAll() {
  unmark();
  const choice = together();
  if (!choice) return stop(problems({ together: [words.sameMole] }));
  const against = choice === "yes" && notTogether();
  if (against) return stop(against);
  const unsent = left();
  if (!unsent.length) return leave(); // once more: the result did not load
  sending = true;
  for (const one of unsent) one.refused = false;
  notice.hidden = true;
  button.setAttribute("aria-disabled", "true");
  form.dataset.sending = "";
  /** @type {string | Node[]} */
  let problem = "";
  // Pictures count as taken in the order in which they are sent.
  const inTime = [...unsent].sort((a, b) => a.original.lastModified - b.original.lastModified);
  for (const sent of choice === "yes" ? [unsent] : inTime.map((one) => [one])) {
    problem = await send(sent);
    if (problem) break;
  }
  sending = false;
  button.removeAttribute("aria-disabled");
  delete form.dataset.sending;
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
  if (!sending) sendAll();
});

// Leaving now would lose what is on its way.
addEventListener("beforeunload", (event) => { if (sending) event.preventDefault(); });
