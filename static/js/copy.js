/** Buttons that copy the field they name; without a clipboard there is none. */

if (navigator.clipboard) {
  /** @type {NodeListOf<HTMLButtonElement>} */
  const buttons = document.querySelectorAll("[data-copy]");
  for (const button of buttons) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const field = /** @type {HTMLInputElement} */ (document.getElementById(button.dataset.copy ?? ""));
      field.select();
      await navigator.clipboard.writeText(field.value);
      const status = button.parentElement?.querySelector("[role=status]");
      if (status) status.textContent = button.dataset.copied ?? "";
    });
  }
}
