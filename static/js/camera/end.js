/** Takes the service worker's place where the release judges no photographs: what a phone has kept
 * would go on doing so. */

const ending = /** @type {any} */ (self);

async function end() {
  const names = await caches.keys();
  await Promise.all(names.filter((name) => name.startsWith("camera-")).map((name) => caches.delete(name)));
  await ending.registration.unregister();
  for (const client of await ending.clients.matchAll()) client.navigate(client.url);
}

ending.addEventListener("install", () => ending.skipWaiting());
ending.addEventListener("activate", (/** @type {ExtendableEvent} */ event) => event.waitUntil(end()));
