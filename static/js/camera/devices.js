/** Which of a phone's cameras looks: the one that was chosen, or the one that focuses near. */

const KEY = "camera";
const REAR = /back|rear|environment|arrière|rück|trasera|posteriore/i;
const FRONT = /front|user|selfie|avant|facetime/i;
// What makers call the lenses: those that come near by themselves, and those that can't.
const NEAR = /macro|triple|dual wide/i;
const FAR = /tele|ultra|depth|infrared/i;

/** The rear cameras, the best for what is near first; all where none says that it is one.
 * Before the person allowed the camera, browsers tell neither names nor how many there are. */
export async function cameras() {
  const devices = await navigator.mediaDevices.enumerateDevices().catch(() => []);
  const all = devices.filter(({ kind, deviceId }) => kind === "videoinput" && deviceId);
  const rear = all.filter(({ label }) => REAR.test(label));
  const others = all.filter(({ label }) => !FRONT.test(label));
  const offered = rear.length ? rear : others.length ? others : all;
  return offered.sort((a, b) => rank(b.label) - rank(a.label));
}

/** 2 for a camera made for what is near, 0 for one that is not. @param {string} label */
export function rank(label) {
  return NEAR.test(label) ? 2 : FAR.test(label) ? 0 : 1;
}

/** Whether a camera can set its focus; true where the browser does not tell.
 * @param {import("./camera.js").Abilities} abilities */
export function canFocus({ focusMode }) {
  return !focusMode || focusMode.includes("continuous") || focusMode.includes("single-shot");
}

/** The camera of the last time, or null. */
export function remembered() {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null; // private windows may forbid it
  }
}

/** @param {string | null} deviceId */
export function remember(deviceId) {
  try {
    if (deviceId) localStorage.setItem(KEY, deviceId);
    else localStorage.removeItem(KEY);
  } catch (error) {
    console.warn("Not remembered:", error);
  }
}
