/** Proposes the browser's time zone where none is chosen yet: in a list, or in a hidden field. */

const field = /** @type {HTMLSelectElement | HTMLInputElement} */ (document.querySelector("[name=time_zone]"));
const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
const isOffered = !("options" in field) || [...field.options].some((option) => option.value === here);
if (!field.value && isOffered) field.value = here;
