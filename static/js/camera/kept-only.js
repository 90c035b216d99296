/** The camera page where there is no program for phones: what a phone has kept stays at hand. */

import { Kept } from "./kept.js";
import { Page } from "./view.js";

/** @type {import("./runtime.js").Sending} */
const program = JSON.parse(/** @type {string} */ (document.getElementById("program")?.textContent));
new Kept(new Page(program.words), program);
