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
