/*
 * One HTTP request: its response, or one of the two ways to fail. Refused means that the server answered with an error
 * status, Unreachable that it did not answer, or that its answer did not arrive whole. An aborted request throws
 * AbortError.
 */

/** These statuses are temporary: the gateway, its storage or a proxy is busy, or the connection was cut. */
const TEMPORARY = [408, 423, 425, 429, 500, 502, 503, 504];
/** The longest `Retry-After` that the page follows. */
const LONGEST_RETRY_MS = 600_000;
/** A connection that broke while the computer slept may never answer. */
const LONGEST_CHECK_MS = 20_000;
/** The same of one over which nothing was sent for this long. */
const STALLED_MS = 120_000;
/** Once the browser has sent a body, a proxy may still hold most of it, and the storage backend may be slow. */
const LONGEST_STORING_MS = 900_000;

export class Refused extends Error {
  /** `words` is the API's own explanation, where it gave one; `retryMs` the time of its `Retry-After`, else 0. */
  constructor(status, words = "", retryMs = 0) {
    super(`refused with ${status}`);
    [this.status, this.words, this.retryMs] = [status, words, retryMs];
  }
}

export class Unreachable extends Error {
  retryMs = 0;
}

/** Whether the same request may be answered later. */
export function isTemporary(trouble) {
  return trouble instanceof Unreachable || (trouble instanceof Refused && TEMPORARY.includes(trouble.status));
}

export function isMissing(trouble) {
  return trouble instanceof Refused && trouble.status === 404;
}

/** The response of `fetch`, also 304. Its body is read by `jsonOf` or `bytesOf`. */
export async function request(url, options) {
  const response = await whole(fetch(url, { cache: "no-store", credentials: "omit", ...options }));
  if (response.ok || response.status === 304) return response;
  const words = wordsOf(await response.json().catch(() => null));
  throw new Refused(response.status, words, milliseconds(response.headers.get("Retry-After")));
}

/** The response to HEAD. */
export function head(url, headers) {
  return request(url, { method: "HEAD", headers, signal: AbortSignal.timeout(LONGEST_CHECK_MS) });
}

/** Throw the reason why this playback URL fails; return if it works. */
export async function check(url) {
  await head(url);
}

/** The JSON of a response. Anything else is not from the gateway, but from something in between, such as a proxy. */
export function jsonOf(response) {
  return whole(response.json());
}

/** The bytes of a response, as a Blob. */
export function bytesOf(response) {
  return whole(response.blob());
}

function whole(arriving) {
  return arriving.catch((cause) => {
    throw cause.name === "AbortError" ? cause : new Unreachable("no response", { cause });
  });
}

/** The time of a `Retry-After` in seconds; 0 for a date, which would be compared with this computer's clock. */
function milliseconds(retryAfter) {
  return Math.min(LONGEST_RETRY_MS, 1000 * Number(retryAfter)) || 0;
}

/** These header fields are set by the browser itself; a page may not. */
const OWN_FIELDS = ["content-length", "host"];

/**
 * Send a body by XMLHttpRequest: only with that does a browser report how much of it was sent (`progress(bytes)`).
 * If `signal` aborts it, or the connection stalls, it throws Unreachable: the body may have arrived.
 */
export function transmit(method, url, { headers, body, progress, signal }) {
  return new Promise((resolve, reject) => {
    const sending = new XMLHttpRequest();
    sending.open(method, url);
    sending.responseType = "json";
    for (const [name, value] of Object.entries(headers)) {
      if (!OWN_FIELDS.includes(name.toLowerCase())) sending.setRequestHeader(name, value);
    }
    let stalled = null;
    const expectMore = (milliseconds) => {
      clearTimeout(stalled);
      stalled = setTimeout(() => sending.abort(), milliseconds);
    };
    sending.upload.onprogress = ({ loaded }) => {
      expectMore(STALLED_MS);
      progress(loaded);
    };
    sending.upload.onload = () => expectMore(LONGEST_STORING_MS);
    sending.onloadend = () => clearTimeout(stalled);
    sending.onload = () => {
      if (sending.status < 300) resolve();
      else reject(new Refused(sending.status, wordsOf(sending.response), retryOf(sending)));
    };
    sending.onerror = sending.onabort = () => reject(new Unreachable("no response"));
    signal.addEventListener("abort", () => sending.abort());
    sending.send(body);
    expectMore(STALLED_MS);
  });
}

/** From all fields: to ask for one that a bucket does not expose is an error in the browser's console. */
function retryOf(sending) {
  return milliseconds(/^retry-after: *(\d+)/im.exec(sending.getAllResponseHeaders())?.[1]);
}

/** The message of either dialect's error body, "" without one; for several faults, each message with its field. */
function wordsOf(body) {
  const details = body?.error?.details ?? [];
  if (details.length === 1) return details[0].message;
  if (details.length > 1) return details.map(({ field, message }) => `${field}: ${message}`).join(" · ");
  return typeof body?.detail === "string" ? body.detail : (body?.error?.message ?? "");
}
