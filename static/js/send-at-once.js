/** A link of an e-mail does its one thing by one click; programs that only look run no script. */

document.querySelector("form[data-at-once]")?.requestSubmit();
