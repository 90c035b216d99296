/** Notifications in this browser: what it says of itself goes into a form, and to the service. */

const page = /** @type {HTMLElement} */ (document.querySelector("[data-push]"));
const on = /** @type {HTMLFormElement} */ (page.querySelector("[data-on]"));
const off = /** @type {HTMLFormElement} */ (page.querySelector("[data-off]"));
/** Where the service would tell this person of news. @type {string[]} */
const known = JSON.parse(/** @type {string} */ (document.getElementById("known")?.textContent));
// It controls no page: its scope is the folder that it lies in.
const WORKER = new URL("push-worker.js", import.meta.url);

/** @param {"unsupported" | "blocked" | "off" | "on" | "failed"} state */
function show(state) {
  for (const each of /** @type {NodeListOf<HTMLElement>} */ (page.querySelectorAll("[data-state]"))) {
    each.hidden = each.dataset.state !== state;
  }
  /** @type {HTMLButtonElement} */ (on.querySelector("button")).disabled = false;
  on.hidden = state !== "off" && state !== "failed";
  off.hidden = state !== "on";
}

/** @param {HTMLFormElement} form @param {Record<string, string | undefined>} values */
function send(form, values) {
  for (const [name, value] of Object.entries(values)) {
    /** @type {HTMLInputElement} */ (form.elements.namedItem(name)).value = value ?? "";
  }
  form.submit();
}

async function current() {
  const registration = await navigator.serviceWorker.getRegistration(WORKER);
  return (await registration?.pushManager.getSubscription()) ?? null;
}

/** @returns {Promise<ServiceWorkerRegistration>} once its worker runs, which `ready` waits for on pages in its scope only */
async function registered() {
  const registration = await navigator.serviceWorker.register(WORKER);
  const worker = registration.installing ?? registration.waiting;
  if (registration.active || !worker) return registration;
  return new Promise((resolve, reject) => {
    worker.addEventListener("statechange", () => {
      if (worker.state === "activated") resolve(registration);
      if (worker.state === "redundant") reject(new Error("The service worker was not installed."));
    });
  });
}

on.addEventListener("submit", async (event) => {
  event.preventDefault();
  // A second click would subscribe anew, and leave the service with an address that is gone.
  /** @type {HTMLButtonElement} */ (on.querySelector("button")).disabled = true;
  try {
    // First of all: browsers ask only right after a click.
    const permission = await Notification.requestPermission();
    if (permission !== "granted") return show(permission === "denied" ? "blocked" : "off");
    const registration = await registered();
    // One of an earlier key of the service would never hear from it.
    await (await registration.pushManager.getSubscription())?.unsubscribe();
    const options = { userVisibleOnly: true, applicationServerKey: page.dataset.push };
    const subscription = await registration.pushManager.subscribe(options);
    send(on, { endpoint: subscription.endpoint, ...subscription.toJSON().keys });
  } catch (error) {
    console.warn("Not turned on:", error);
    show("failed");
  }
});

off.addEventListener("submit", async (event) => {
  event.preventDefault();
  const subscription = await current();
  await subscription?.unsubscribe().catch(() => {}); // then the service alone forgets it
  send(off, { endpoint: subscription?.endpoint });
});

/** @param {PushSubscription} subscription @returns {string} as the page has the service's own */
function keyOf({ options }) {
  const bytes = new Uint8Array(options.applicationServerKey ?? new ArrayBuffer(0));
  return btoa(String.fromCharCode(...bytes)).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}

async function look() {
  if (!("serviceWorker" in navigator && "PushManager" in window && "Notification" in window)) return show("unsupported");
  if (Notification.permission === "denied") return show("blocked");
  const subscription = await current();
  // One of an earlier key of the service hears nothing from it.
  const isOurs = subscription && keyOf(subscription) === page.dataset.push;
  show(isOurs && known.includes(subscription.endpoint) ? "on" : "off");
}

look();
