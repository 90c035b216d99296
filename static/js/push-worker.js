/** Shows what the service sends once a doctor has answered, and opens its page on a click; tells the
 * service where to send it when the browser gets another address. */

const RENEW = "/account/push/renew/";

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

worker.addEventListener("pushsubscriptionchange", (/** @type {any} */ event) => {
  event.waitUntil(renew(event.newSubscription));
});

/** @param {PushSubscription | null} [newer] which some browsers make by themselves */
async function renew(newer) {
  const { key, token } = await (await fetch(RENEW)).json();
  const options = { userVisibleOnly: true, applicationServerKey: key };
  /** @type {PushSubscription} */
  const subscription = newer ?? (await worker.registration.pushManager.subscribe(options));
  const body = new URLSearchParams({ endpoint: subscription.endpoint, ...subscription.toJSON().keys });
  await fetch(RENEW, { method: "POST", headers: { "X-CSRFToken": token }, body });
}
