/** Around allauth's passkey scripts: shown where the browser has passkeys, and a word when one fails. */

/** @type {NodeListOf<HTMLElement>} */
const offers = document.querySelectorAll("[data-passkey]");
for (const offer of offers) offer.hidden = !window.PublicKeyCredential;

document.addEventListener("allauth.error", (event) => {
  event.preventDefault();
  const form = /** @type {any} */ (document.querySelector("form[data-failed]"));
  form.querySelector("[role=status]").textContent = form.dataset.failed;
});
