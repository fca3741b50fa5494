/*
 * One HTTP request: its response, or one of the two ways to fail. Refused means that the server answered with an error
 * status, Unreachable that it did not answer. An aborted request throws AbortError.
 */

export class Refused extends Error {
  /** `words` is the API's own explanation, where it gave one. */
  constructor(status, words = "") {
    super(`refused with ${status}`);
    this.status = status;
    this.words = words;
  }
}

export class Unreachable extends Error {}

export function isMissing(trouble) {
  return trouble instanceof Refused && trouble.status === 404;
}

/** The response of `fetch`, also 304. */
export async function request(url, options) {
  const answer = await fetch(url, { cache: "no-store", credentials: "omit", ...options }).catch((cause) => {
    throw cause.name === "AbortError" ? cause : new Unreachable("no answer", { cause });
  });
  if (answer.ok || answer.status === 304) return answer;
  throw new Refused(answer.status, wordsOf(await answer.json().catch(() => null)));
}

/** These header fields are set by the browser itself; a page may not. */
const OWN_FIELDS = ["content-length", "host"];

/**
 * Send a body by XMLHttpRequest: only with that does a browser report how much of it was sent (`progress(bytes)`).
 * If `signal` aborts it, it throws Unreachable: the body may have arrived.
 */
export function transmit(method, url, { headers, body, progress, signal }) {
  return new Promise((resolve, reject) => {
    const sending = new XMLHttpRequest();
    sending.open(method, url);
    sending.responseType = "json";
    for (const [name, value] of Object.entries(headers)) {
      if (!OWN_FIELDS.includes(name.toLowerCase())) sending.setRequestHeader(name, value);
    }
    sending.upload.onprogress = ({ loaded }) => progress(loaded);
    sending.onload = () => {
      if (sending.status < 300) resolve();
      else reject(new Refused(sending.status, wordsOf(sending.response)));
    };
    sending.onerror = sending.onabort = () => reject(new Unreachable("no answer"));
    signal.addEventListener("abort", () => sending.abort());
    sending.send(body);
  });
}

/** The message of either dialect's error body, "" without one; for several faults, each message with its field. */
function wordsOf(body) {
  const details = body?.error?.details ?? [];
  if (details.length === 1) return details[0].message;
  if (details.length > 1) return details.map(({ field, message }) => `${field}: ${message}`).join(" · ");
  return typeof body?.detail === "string" ? body.detail : (body?.error?.message ?? "");
}
