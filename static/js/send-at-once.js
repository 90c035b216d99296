/** A link of an e-mail does its one thing by one click; programs that only look run no script. */

const form = document.querySelector("form[data-at-once]");
if (form instanceof HTMLFormElement) form.requestSubmit();
