/** Pictures that wait on the phone until they are sent, in IndexedDB. */

const STORE = "pictures";

/** @typedef {{ id: string, jpeg: Blob, advice: string, savedAt: number }} Picture */

/** @template T @param {IDBRequest<T>} request @returns {Promise<T>} */
function settled(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** @param {IDBTransactionMode} mode */
async function store(mode) {
  const opening = indexedDB.open("camera", 1);
  opening.onupgradeneeded = () => opening.result.createObjectStore(STORE, { keyPath: "id" });
  return (await settled(opening)).transaction(STORE, mode).objectStore(STORE);
}

/** Raises DOMException where the browser can't store it. @param {Picture} picture */
export async function keep(picture) {
  const jpeg = await picture.jpeg.arrayBuffer(); // Safari's private tabs store no Blob
  const pictures = await store("readwrite");
  pictures.put({ ...picture, jpeg });
  await new Promise((resolve, reject) => {
    pictures.transaction.oncomplete = resolve;
    pictures.transaction.onabort = () => reject(pictures.transaction.error);
  });
}

/** @param {string} id */
export async function drop(id) {
  await settled((await store("readwrite")).delete(id));
}

/** Oldest first. @returns {Promise<Picture[]>} */
export async function kept() {
  /** @type {(Omit<Picture, "jpeg"> & { jpeg: ArrayBuffer | Blob })[]} Blobs are of earlier versions */
  const pictures = await settled((await store("readonly")).getAll());
  return pictures
    .map((picture) => ({ ...picture, jpeg: new Blob([picture.jpeg], { type: "image/jpeg" }) }))
    .sort((a, b) => a.savedAt - b.savedAt);
}

/** Send a picture; sent again, it makes no second record.
 * @param {Picture} picture @param {string} address
 * @returns {Promise<{ id: string } | { problem: "offline" | "signIn" | "refused", detail: string }>} */
export async function send(picture, address) {
  const body = new FormData();
  body.set("image", picture.jpeg, "mole.jpg");
  body.set("phone_advice", picture.advice);
  const token = cookie("csrftoken");
  let response;
  try {
    response = await fetch(address, {
      method: "POST",
      body,
      headers: { "X-CSRFToken": token, "Idempotency-Key": picture.id },
    });
  } catch {
    return { problem: "offline", detail: "" };
  }
  if (response.status === 201) return response.json();
  const { detail = "" } = await response.json().catch(() => ({}));
  // Signing in also brings the token without which nothing may be sent.
  if (response.status === 401 || !token) return { problem: "signIn", detail: "" };
  return { problem: response.status >= 500 ? "offline" : "refused", detail };
}

/** @param {string} name */
export function cookie(name) {
  return document.cookie.split("; ").find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1) ?? "";
}
