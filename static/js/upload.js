/**
 * The upload form made easier: camera, drop, paste, several pictures with preview and cropping, and
 * sending with progress. Each picture is one request with a key of its own, so that sending it
 * again makes no second record.
 */

import { cookie } from "./camera/outbox.js";

const form = document.querySelector("form[data-upload]");
const field = form.querySelector("[data-picture-field]");
const input = field.querySelector("[name=image]");
const camera = field.querySelector("[data-camera]");
const list = form.querySelector(".pictures");
const said = field.querySelector("[data-said]");
const button = form.querySelector("[type=submit]");
const notice = form.querySelector("[data-notice]");
const words = form.dataset;

const PATIENCE = 45_000; // milliseconds without a byte, or an answer, before it counts as lost

let pictures = [];
let sending = false;

const fill = (sentence, values) => sentence.replace(/\{(\w+)\}/g, (_, name) => values[name]);
const number = new Intl.NumberFormat(document.documentElement.lang, { maximumSignificantDigits: 2 });
const size = (bytes) => bytes < 1e6 ? `${number.format(bytes / 1000)} kB` : `${number.format(bytes / 1e6)} MB`;

// crypto.randomUUID is missing where a phone reads the page without TLS.
const newKey = () => [...crypto.getRandomValues(new Uint8Array(16))]
  .map((byte) => byte.toString(16).padStart(2, "0")).join("");

/* --- choosing ---------------------------------------------------------------------------------- */

function add(files) {
  const refused = [];
  for (const file of files) {
    // What kind it is, its content says: the browser, or else the server, looks at it.
    if (file.size > Number(words.maxBytes)) refused.push(fill(words.tooLarge, { name: file.name }));
    else pictures.push(card(file));
  }
  sayRefused(refused.join(" "));
  refresh();
}

function sayRefused(sentence) {
  said.textContent = sentence;
  said.classList.toggle("field-error", sentence !== "");
}

/** The native field names the files, too, and sends one should this script stop. */
function refresh() {
  const files = new DataTransfer();
  for (const picture of pictures) files.items.add(picture.file);
  input.files = files.files;
  list.hidden = field.querySelector("[data-crop-hint]").hidden = !pictures.length;
  form.querySelector("[data-several]").hidden = pictures.length < 2;
  notice.hidden = true;
  if (!sending) button.textContent = pictures.length > 1 ? words.checkAll : words.check;
}

function card(file) {
  const element = form.querySelector("template[data-card]").content.cloneNode(true).firstElementChild;
  const picture = { file, original: file, element, key: newKey(), url: null };
  const image = element.querySelector("img");
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
  list.append(element);
  show(picture);
  return picture;
}

/** Of kinds that this browser can't show (HEIC, TIFF, DICOM) the server makes a picture to crop,
 * or says why it can't; without a connection they are sent as they are. */
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

function show(picture) {
  const image = picture.element.querySelector("img");
  URL.revokeObjectURL(image.src);
  const isCropped = picture.file !== picture.original;
  image.src = URL.createObjectURL(isCropped ? picture.file : picture.shown ?? picture.file);
  picture.element.querySelector("[data-name]").textContent = picture.original.name;
  for (const action of picture.element.querySelectorAll("button")) {
    action.setAttribute("aria-label", `${action.textContent.trim()}: ${picture.original.name}`);
  }
  facts(picture);
}

function facts({ file, original, element }, image) {
  const kind = file.type.replace(/^image\//, "") || original.name.split(".").at(-1);
  const pixels = image ? ` · ${image.naturalWidth} × ${image.naturalHeight}` : "";
  const changed = file === original ? "" : ` · ${words.cropped}`;
  element.querySelector("[data-facts]").textContent =
    `${kind.toUpperCase()} · ${size(file.size)}${pixels}${changed}`;
}

async function cropped(picture) {
  const address = URL.createObjectURL(picture.shown ?? picture.original);
  const part = await document.querySelector("crop-dialog").crop(address);
  URL.revokeObjectURL(address);
  picture.element.querySelector("[data-crop]").focus();
  if (!part) return;
  const name = picture.original.name.replace(/(\.\w+)?$/, ".jpg");
  picture.file = new File([part], name, { type: "image/jpeg" });
  picture.key = newKey();
  picture.element.querySelector("[data-again]")?.remove(); // another picture now
  say(picture, "");
  show(picture);
  refresh();
}

function remove(picture) {
  drop(picture);
  if (pictures.length && pictures.every(({ url }) => url)) leave(); // the last one that was in the way
  input.focus();
}

function drop(picture) {
  picture.element.remove();
  pictures = pictures.filter((other) => other !== picture);
  refresh();
}

function say({ element }, sentence, isError = false) {
  const status = element.querySelector("[role=status]");
  status.textContent = sentence;
  status.classList.toggle("field-error", isError);
}

input.multiple = true;
input.addEventListener("change", () => add(input.files));
// A quick hand, or a browser that restores the form, chose before this script was there.
if (input.files.length) add(input.files);

camera.addEventListener("change", () => { add(camera.files); camera.value = ""; });
if (matchMedia("(pointer: coarse)").matches) {
  const open = field.querySelector("[data-open-camera]");
  open.parentElement.hidden = false;
  open.addEventListener("click", () => camera.click());
} else {
  field.querySelector("[data-drop-hint]").hidden = false;
}

for (const kind of ["dragenter", "dragover"]) {
  document.addEventListener(kind, (event) => {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    field.dataset.over = "";
  });
}
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) delete field.dataset.over;
});
document.addEventListener("drop", (event) => {
  if (!event.dataTransfer.files.length) return;
  event.preventDefault();
  delete field.dataset.over;
  add(event.dataTransfer.files);
});
document.addEventListener("paste", (event) => {
  if (!event.clipboardData.files.length) return;
  event.preventDefault();
  add(event.clipboardData.files);
});

/* --- sending ----------------------------------------------------------------------------------- */

/** Resolves to {status, answer}: the JSON, or null; status 0 when the connection was lost. */
function post(picture) {
  const data = new FormData(form);
  data.set("image", picture.file, picture.file.name);
  data.set("key", picture.key);
  if (picture.again) data.set("again", "on");
  // Signing in on another tab changed the token since this page was loaded.
  data.set("csrfmiddlewaretoken", cookie("csrftoken"));
  const request = new XMLHttpRequest();
  const progress = picture.element.querySelector("progress");
  let patience;
  const wait = () => {
    clearTimeout(patience);
    patience = setTimeout(() => request.abort(), PATIENCE);
  };
  const stop = () => request.abort();
  return new Promise((resolve) => {
    request.upload.addEventListener("progress", (event) => {
      wait();
      progress.value = event.loaded / event.total;
    });
    request.upload.addEventListener("load", () => say(picture, words.storing));
    request.addEventListener("loadend", () => {
      clearTimeout(patience);
      removeEventListener("offline", stop);
      resolve({ status: request.status, answer: request.response });
    });
    addEventListener("offline", stop);
    request.open("POST", form.action);
    request.setRequestHeader("Accept", "application/json");
    request.responseType = "json";
    wait();
    request.send(data);
  });
}

/** Send one picture; the sentence that ends the sending, or nothing. */
async function send(picture) {
  const progress = picture.element.querySelector("progress");
  progress.hidden = false;
  say(picture, words.progress);
  const { status, answer } = await post(picture);
  progress.hidden = true;
  say(picture, "");
  if (status === 201 && answer) {
    picture.url = answer.url;
    picture.element.dataset.sent = "";
    sayWithResult(picture, `${words.sent}.`, answer.url);
    return "";
  }
  if (status === 409 && answer?.sent_before) {
    sayWithResult(picture, answer.sent_before.message, answer.sent_before.url);
    offerAgain(picture);
    return "";
  }
  if (status === 413 || answer?.errors?.image) {
    const [first] = answer?.errors.image ?? [{ message: fill(words.tooLarge, { name: "" }) }];
    say(picture, first.message, true);
    return "";
  }
  if (answer?.errors) return problems(answer.errors);
  if (status === 0) return words.lost;
  // The page for signing in, or for a form that is too old, is no JSON.
  return status < 500 ? words.signedOut : words.broken;
}

function sayWithResult(picture, sentence, address) {
  const link = document.createElement("a");
  link.href = address;
  link.textContent = words.seeResult;
  say(picture, `${sentence} `);
  picture.element.querySelector("[role=status]").append(link);
}

/** The very same picture was sent before: the person decides. */
function offerAgain(picture) {
  const actions = picture.element.querySelector(".actions");
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

/** What is wrong in the other fields, as links to them. */
function problems(errors) {
  const links = Object.entries(errors).flatMap(([name, found]) => found.map(({ message }) => {
    const link = document.createElement("a");
    link.href = `#id_${name}`;
    link.textContent = message;
    return link;
  }));
  for (const details of form.querySelectorAll("details")) details.open = true;
  return links;
}

/** Everything has arrived. */
function leave() {
  location.assign(pictures.length > 1 ? words.records : pictures[0].url);
}

async function sendAll() {
  sending = true;
  notice.hidden = true;
  button.setAttribute("aria-disabled", "true");
  form.dataset.sending = "";
  let problem = "";
  for (const picture of pictures.filter((one) => !one.url)) {
    problem = await send(picture);
    if (problem) break;
  }
  sending = false;
  button.removeAttribute("aria-disabled");
  delete form.dataset.sending;
  if (problem) {
    notice.querySelector("p").replaceChildren(...[problem].flat());
    notice.hidden = false;
    button.textContent = words.again;
    notice.focus();
    return;
  }
  const refused = pictures.find((picture) => !picture.url);
  if (!refused) leave();
  else refused.element.querySelector("[data-again], [data-remove]").focus();
}

form.addEventListener("submit", (event) => {
  if (!pictures.length) return; // the server says what is missing
  event.preventDefault();
  if (!sending) sendAll();
});

// Leaving now would lose what is on its way.
addEventListener("beforeunload", (event) => { if (sending) event.preventDefault(); });
