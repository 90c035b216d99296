/** Keeps one build of the camera page on the phone, so that it starts without a connection.
 *
 * The server puts the list of the build's files before this script. All of them are stored, or
 * none; what is stored is served together, and a newer build takes over as a whole. */

/** @type {{ build: string, page: string, files: string[], runtime: Record<string, { script: string, wasm: string }> }} */
const list = /** @type {any} */ (self).kept;
const worker = /** @type {any} */ (self);
const PREFIX = "camera-";
const own = PREFIX + list.build;
// The page tells in the address which variant of the runtime this browser runs.
const variant = list.runtime[new URL(self.location.href).searchParams.get("runtime") ?? ""];

async function store() {
  const page = await newPage(); // before megabytes that are of no use without it
  const cache = await caches.open(own);
  const files = [...list.files, ...(variant ? [variant.script, variant.wasm] : [])];
  await Promise.all(files.map((file) => keepFile(cache, file)));
  await cache.put(list.page, page);
}

/** The page of this build; where the one to sign in comes instead, the open pages are told. */
async function newPage() {
  const response = await fetch(list.page, { cache: "no-store" });
  if (response.redirected) {
    const open = await worker.clients.matchAll({ includeUncontrolled: true });
    for (const client of open) client.postMessage("signed out");
  }
  const text = await response.clone().text();
  if (!response.ok || response.redirected || !text.includes(list.build)) throw new Error("Another build.");
  return response;
}

/** Each address always has the same content: what an older build has is taken from there.
 * @param {Cache} cache @param {string} file */
async function keepFile(cache, file) {
  const response = (await caches.match(file, { ignoreVary: true })) ?? (await fetch(file));
  if (!response.ok) throw new Error(`${response.status} ${file}`);
  await cache.put(file, response);
}

async function takeOver() {
  const names = await caches.keys();
  await Promise.all(names.filter((other) => other.startsWith(PREFIX) && other !== own).map((other) => caches.delete(other)));
  await worker.clients.claim();
}

/** @param {Request} request */
async function answer(request) {
  const cache = await caches.open(own);
  // Of each address there is one version, whatever the request's headers.
  const stored = await cache.match(request, { ignoreSearch: request.mode === "navigate", ignoreVary: true });
  return stored ?? fetch(request);
}

worker.addEventListener("install", (/** @type {ExtendableEvent} */ event) => event.waitUntil(store()));
worker.addEventListener("activate", (/** @type {ExtendableEvent} */ event) => event.waitUntil(takeOver()));
worker.addEventListener("message", (/** @type {MessageEvent} */ event) => {
  if (event.data === "take over") worker.skipWaiting();
});
worker.addEventListener("fetch", (/** @type {FetchEvent} */ event) => {
  if (event.request.method === "GET") event.respondWith(answer(event.request));
});
