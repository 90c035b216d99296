/** Pictures that wait on the phone until they are sent, in IndexedDB. */

const STORE = "pictures";

/** One picture, or several of one mole; earlier versions did not say whose.
 * @typedef {{ id: string, person?: string, jpegs: Blob[], advice: string, savedAt: number }} Picture */

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
  // Else a browser may throw it away by itself.
  navigator.storage?.persist?.().catch((error) => console.warn("Not for long:", error));
  // Safari's private tabs store no Blob.
  const jpegs = await Promise.all(picture.jpegs.map((jpeg) => jpeg.arrayBuffer()));
  const pictures = await store("readwrite");
  pictures.put({ ...picture, jpegs });
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
  /** Earlier versions kept one ``jpeg``, as a Blob or not.
   * @type {(Omit<Picture, "jpegs"> & { jpegs?: ArrayBuffer[], jpeg?: ArrayBuffer | Blob })[]} */
  const pictures = await settled((await store("readonly")).getAll());
  return pictures
    .map(({ jpeg, jpegs, ...picture }) => ({
      ...picture,
      jpegs: [jpegs ?? jpeg ?? []].flat().map((each) => new Blob([each], { type: "image/jpeg" })),
    }))
    .sort((a, b) => a.savedAt - b.savedAt);
}
