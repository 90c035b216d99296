/** Proposes the browser's time zone where none is chosen yet. */

const field = /** @type {HTMLSelectElement} */ (document.querySelector("[name=time_zone]"));
const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (!field.value && [...field.options].some((option) => option.value === here)) field.value = here;
