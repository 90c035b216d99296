/** Around allauth's passkey scripts: shown where the browser has passkeys, and a word when one fails. */

for (const offer of document.querySelectorAll("[data-passkey]")) offer.hidden = !window.PublicKeyCredential;

document.addEventListener("allauth.error", (event) => {
  event.preventDefault();
  const form = document.querySelector("form[data-failed]");
  form.querySelector("[role=status]").textContent = form.dataset.failed;
});
