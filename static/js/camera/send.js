/**
 * The one door for pictures: the upload page and the camera send them to the REST API alike.
 * What the API refuses comes as problem details (RFC 9457), by field where it can name one.
 */

const PATIENCE = 45_000; // milliseconds without a byte, or an answer, before it counts as lost

/**
 * @typedef {"offline" | "signIn" | "refused" | "broken"} Problem
 * @typedef {{ detail?: string, errors?: Record<string, string[]>, same_picture?: string, picture_number?: number }} Details
 * @typedef {{ id: string } | ({ problem: Problem, status: number } & Details)} Answer
 * @typedef {{ progress?: (share: number) => void, arrived?: () => void }} Listener
 */

/** Send a picture and what is said of it; sent again with its key, it makes no second record. Where
 * another person than the page's has signed in meanwhile, it is as if nobody had.
 * @param {string} address @param {FormData} body @param {string} key
 * @param {string} person whose page it is @param {Listener} [listener]
 * @returns {Promise<Answer>} */
export function send(address, body, key, person, { progress, arrived } = {}) {
  const request = new XMLHttpRequest(); // fetch tells nothing about what is on its way
  const token = cookie("csrftoken"); // as it is now: signing in on another tab changed it
  /** @type {number | undefined} */
  let patience;
  const wait = () => {
    clearTimeout(patience);
    patience = setTimeout(() => request.abort(), PATIENCE);
  };
  const stop = () => request.abort();
  return new Promise((resolve) => {
    request.upload.addEventListener("progress", (event) => {
      wait();
      progress?.(event.loaded / event.total);
    });
    request.upload.addEventListener("load", () => arrived?.());
    request.addEventListener("loadend", () => {
      clearTimeout(patience);
      removeEventListener("offline", stop);
      resolve(read(request, token));
    });
    addEventListener("offline", stop);
    request.open("POST", address);
    request.setRequestHeader("X-CSRFToken", token);
    request.setRequestHeader("X-Page-Of", person);
    request.setRequestHeader("Idempotency-Key", key);
    request.responseType = "json";
    wait();
    request.send(body);
  });
}

/** @param {XMLHttpRequest} request @param {string} token @returns {Answer} */
function read({ status, response }, token) {
  if (status === 201 && response) return response;
  const { detail, errors, same_picture, picture_number } = response ?? {};
  const answer = { status, detail, errors, same_picture, picture_number };
  if (status === 0) return { problem: "offline", ...answer };
  // Signing in also brings the token without which nothing may be sent.
  if (status === 401 || !token) return { problem: "signIn", ...answer };
  // A full disk or a busy server says so itself (507, 503).
  return { problem: status < 500 || detail ? "refused" : "broken", ...answer };
}

/** @param {string} name */
export function cookie(name) {
  return document.cookie.split("; ").find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1) ?? "";
}
