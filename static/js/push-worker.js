/** Shows what the service sends once a doctor has answered, and opens its page on a click. */

const worker = /** @type {any} */ (self);

worker.addEventListener("push", (/** @type {PushEvent} */ event) => {
  const { title, body, lang, page } = event.data.json();
  const icon = new URL("../img/icon-192.png", worker.location.href).href;
  event.waitUntil(worker.registration.showNotification(title, { body, lang, icon, tag: "answer", data: page }));
});

worker.addEventListener("notificationclick", (/** @type {NotificationEvent} */ event) => {
  event.notification.close();
  event.waitUntil(worker.clients.openWindow(event.notification.data));
});
