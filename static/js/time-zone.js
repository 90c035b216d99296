/** Tells the browser's time zone in a hidden field, where none is chosen yet. */

const field = /** @type {HTMLInputElement} */ (document.querySelector("[name=time_zone]"));
field.value ||= Intl.DateTimeFormat().resolvedOptions().timeZone;
