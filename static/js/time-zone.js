/** Proposes the browser's time zone where none is chosen yet. */

const field = document.querySelector("[name=time_zone]");
const own = Intl.DateTimeFormat().resolvedOptions().timeZone;
if (!field.value && [...field.options].some((option) => option.value === own)) field.value = own;
