/**
 * The pictures chosen on the upload form: by camera, drop or paste, several at once, each a card
 * with its preview, its kind and cropping.
 */

import { cookie } from "./camera/send.js";

/** @param {ParentNode} root @param {string} selector @returns {any} */
export const one = (root, selector) => root.querySelector(selector);

/** @type {HTMLFormElement} */
export const form = one(document, "form[data-upload]");
const field = one(form, "[data-picture-field]");
/** @type {HTMLInputElement} */
const input = one(field, "[name=image]");
const camera = one(field, "[data-camera]");
const list = one(form, ".pictures");
const said = one(field, "[data-said]");
export const button = one(form, "[type=submit]");
export const notice = one(form, "[data-notice]");
const several = one(form, "[data-several]");
const ofAll = one(form, "[name=dermoscopy]");
/** @type {any} */
export const words = form.dataset;

/** @typedef {{ file: File, original: File, element: HTMLElement, key: string, url: string | null, shown?: Blob, again?: boolean, refused?: boolean }} Picture */

/** @type {Picture[]} */
export let pictures = [];

/** @param {string} sentence @param {Record<string, string>} values */
export const fill = (sentence, values) => sentence.replace(/\{(\w+)\}/g, (_, name) => values[name]);
/** @param {number} bytes */
const size = (bytes) => new Intl.NumberFormat(document.documentElement.lang, {
  style: "unit", unit: bytes < 1e6 ? "kilobyte" : "megabyte", maximumSignificantDigits: 2,
}).format(bytes / (bytes < 1e6 ? 1e3 : 1e6));

// crypto.randomUUID is missing where a phone reads the page without TLS.
const newKey = () => [...crypto.getRandomValues(new Uint8Array(16))]
  .map((byte) => byte.toString(16).padStart(2, "0")).join("");
export let keyOfAll = newKey(); // of pictures that are sent together

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
  if (!isSending()) nameButton();
}

export function nameButton() {
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
export function kindOf({ element }) {
  const box = pictures.length > 1 ? one(element, "[data-kind] input") : ofAll;
  return box.checked ? "dermoscopy" : "photo";
}

/** Whether some of them are on their way. */
export const isSending = () => "sending" in form.dataset;

/** What is not sent yet. */
export const left = () => pictures.filter(({ url }) => !url);

/** "yes" for one mole, "no" for different ones, or nothing while there is no answer. */
export const together = () => left().length > 1 ? new FormData(form).get("together") : "no";

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
  const headers = { "X-CSRFToken": cookie("csrftoken"), "X-Page-Of": words.person };
  const response = await fetch(words.preview, { method: "POST", body: data, headers }).catch(() => null);
  if (!pictures.includes(picture)) return; // removed meanwhile
  if (response?.ok) {
    picture.shown = await response.blob();
    say(picture, "");
    return show(picture);
  }
  if (response?.status !== 400) return say(picture, words.noPreview);
  const { detail } = await response.json();
  if (isSending()) return; // the answer to that says it
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
export function say({ element, original }, sentence, isError = false) {
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

/** Everything has arrived. */
export function leave() {
  const results = new Set(pictures.map(({ url }) => url));
  location.assign(results.size > 1 ? words.records : pictures[0].url ?? words.records);
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
