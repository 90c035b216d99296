/** Forms with data-busy send once: the button says so, and a second click does nothing. */

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
  });
}

// Back from the browser's cache: ready to send again.
addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  for (const form of forms) {
    delete form.dataset.sent;
    for (const button of form.querySelectorAll("[aria-disabled]")) button.removeAttribute("aria-disabled");
    const status = form.querySelector("[role=status]");
    if (status) status.textContent = "";
  }
});
