/** Forms with data-busy send once: the button says so, and a second click does nothing. */

const PATIENCE = 15_000; // milliseconds, after which somebody may have stopped the sending

/** @type {NodeListOf<HTMLFormElement>} */
const forms = document.querySelectorAll("form[data-busy]");
for (const form of forms) {
  form.addEventListener("submit", (event) => {
    const button = event.submitter;
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "yes";
    // aria-disabled, not disabled: the button's own name and value are still to be sent.
    button?.setAttribute("aria-disabled", "true");
    const status = form.querySelector("[role=status]");
    if (status) status.textContent = form.dataset.busy ?? "";
    // No browser tells that the loading was stopped. What arrives twice does no harm.
    setTimeout(() => free(form), PATIENCE);
  });
}

/** @param {HTMLFormElement} form */
function free(form) {
  delete form.dataset.sent;
  for (const button of form.querySelectorAll("[aria-disabled]")) button.removeAttribute("aria-disabled");
}

/** @param {HTMLFormElement} form */
function ready(form) {
  free(form);
  const status = form.querySelector("[role=status]");
  if (status) status.textContent = "";
}

// Back from the browser's cache.
addEventListener("pageshow", (event) => {
  if (event.persisted) forms.forEach(ready);
});
