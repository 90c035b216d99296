/** Of service workers, what TypeScript's types of pages lack. */

interface ExtendableEvent extends Event {
  waitUntil(work: Promise<unknown>): void;
}
interface FetchEvent extends ExtendableEvent {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
}
interface PushEvent extends ExtendableEvent {
  readonly data: { json(): any };
}
interface NotificationEvent extends ExtendableEvent {
  readonly notification: Notification;
}
