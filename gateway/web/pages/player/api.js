/*
 * The gateway as the page sees it: recordings, playback URLs, deletion.
 * Knows paths, the key header and the two ways to fail; refuses to know elements and words.
 *
 * The key travels in the X-API-Key header only. A call that fails throws Refused (the gateway
 * said no, with a status) or Unreachable (nobody answered); an aborted call throws AbortError.
 */

export class Refused extends Error {
  constructor(status) {
    super(`refused with ${status}`);
    this.status = status;
  }
}

export class Unreachable extends Error {}

/** A header can carry visible ASCII; anything else was never a key. */
const SENDABLE_KEY = /^[\x21-\x7e]+$/;

export class Gateway {
  #key;
  #onUnknownKey;

  /** `onUnknownKey` hears it when the gateway does not (any longer) know the key. */
  constructor(key, onUnknownKey) {
    this.#key = key;
    this.#onUnknownKey = onUnknownKey;
  }

  /** A page of recordings, newest first; the gateway may leave unreadable ones out of it. */
  async recordings({ limit, offset, signal }) {
    const answer = await this.#ask(`recordings?limit=${limit}&offset=${offset}`, { signal });
    return (await answer.json()).recordings;
  }

  async recording(id) {
    return (await this.#ask(`recordings/${id}`)).json();
  }

  /** The meeting that the recording is of, with its `segments` and `recordings`. */
  async transcriptOf(recordingId) {
    return (await this.#ask(`recordings/${recordingId}/transcript`)).json();
  }

  /** A meeting with its `segments` and `recordings`. */
  async transcript(platform, meetingId) {
    return (await this.#ask(`transcripts/${encodeURIComponent(platform)}/${encodeURIComponent(meetingId)}`)).json();
  }

  /**
   * A URL that plays the file without a key, and how long it still does. The lifetime is measured
   * by the gateway's own clock (its Date header): the clock of this computer may be wrong.
   * `publicUrl` is for others; the page itself plays from the origin that it came from (`url`), which
   * may have another name and is the only one that its policy lets it ask.
   */
  async playbackUrl(recordingId, mediaId) {
    const answer = await this.#ask(`recordings/${recordingId}/media/${mediaId}/playback-url`, { method: "POST" });
    const { url, expires_at: expiresAt } = await answer.json();
    const now = Date.parse(answer.headers.get("Date")) || Date.now();
    const { href, pathname, search } = new URL(url, document.baseURI);
    return {
      url: new URL(pathname + search, document.baseURI).href,
      publicUrl: href,
      expiresAt: new Date(expiresAt),
      lifetimeSeconds: (Date.parse(expiresAt) - now) / 1000,
    };
  }

  /** How loud the file is over its length, as far as it is known: `bins`, `seconds_covered`, `complete`. */
  async waveform(recordingId, mediaId, signal) {
    return (await this.#ask(`recordings/${recordingId}/media/${mediaId}/waveform`, { signal })).json();
  }

  async downloadUrl(recordingId, mediaId) {
    const answer = await this.#ask(`recordings/${recordingId}/media/${mediaId}/download`);
    return new URL((await answer.json()).download_url, document.baseURI).href;
  }

  /** Delete it; `keepalive` lets the call outlive the page. */
  async remove(recordingId, { keepalive = false } = {}) {
    await this.#ask(`recordings/${recordingId}`, { method: "DELETE", keepalive });
  }

  /** Why does this playback URL fail? Returns if it does not. */
  async check(url) {
    await send(url, { method: "HEAD" });
  }

  async #ask(path, options = {}) {
    if (!SENDABLE_KEY.test(this.#key)) throw new Refused(401);
    return send(new URL(path, document.baseURI), { ...options, headers: { "X-API-Key": this.#key } }).catch((trouble) => {
      if (trouble.status === 401) this.#onUnknownKey();
      throw trouble;
    });
  }
}

async function send(url, options) {
  const answer = await fetch(url, { cache: "no-store", credentials: "omit", ...options }).catch((cause) => {
    throw cause.name === "AbortError" ? cause : new Unreachable("no answer", { cause });
  });
  if (!answer.ok) throw new Refused(answer.status);
  return answer;
}
