/** The picture field made easier: camera, drop, paste, preview, and a size check before sending. */

const field = document.querySelector("[data-picture-field]");
const input = field.querySelector("[name=image]");
const camera = field.querySelector("[data-camera]");
const preview = field.querySelector(".preview");
const said = field.querySelector("[data-said]");
const words = field.dataset;

function show(file) {
  preview.hidden = true;
  URL.revokeObjectURL(preview.src);
  if (!file) {
    said.textContent = "";
    return;
  }
  const tooLarge = file.size > Number(words.maxBytes);
  said.textContent = tooLarge ? words.tooLarge : `${words.chosen} ${file.name}`;
  said.classList.toggle("field-error", tooLarge);
  preview.src = URL.createObjectURL(file);
}

function take(files) {
  const picture = [...files].find((file) => file.type.startsWith("image/") || /\.hei[cf]$/i.test(file.name));
  if (!picture) return false;
  const chosen = new DataTransfer();
  chosen.items.add(picture);
  input.files = chosen.files;
  show(picture);
  return true;
}

preview.addEventListener("load", () => { preview.hidden = false; });
// A picture that this browser can't show (HEIC) is sent all the same.
preview.addEventListener("error", () => { preview.hidden = true; });
input.addEventListener("change", () => show(input.files[0]));
// A quick hand, or a browser that restores the form, chose before this script was there.
if (input.files.length) show(input.files[0]);

camera.addEventListener("change", () => take(camera.files));
if (matchMedia("(pointer: coarse)").matches) {
  const button = field.querySelector("[data-open-camera]");
  button.parentElement.hidden = false;
  button.addEventListener("click", () => camera.click());
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
  if (!take(event.dataTransfer.files)) said.textContent = words.noPicture;
});
document.addEventListener("paste", (event) => {
  if (take(event.clipboardData.files)) event.preventDefault();
});
