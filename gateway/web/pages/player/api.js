/*
 * The gateway's API as the page uses it. No other module knows a path or the key's header field.
 *
 * The key is sent only in the X-API-Key header. Calls fail as `request` does.
 */

import { numberOf, publicId } from "./ids.js";
import { Refused, bytesOf, head, jsonOf, request } from "./request.js";
import { summary } from "./summary.js";

/** A header can carry visible ASCII; any other text cannot be a key. */
const SENDABLE_KEY = /^[\x21-\x7e]+$/;
const TUS = { "Tus-Resumable": "1.0.0" };
/** The parameter with which recordings come with their source and meeting. */
const WITH_ORIGIN = ["include", "origin"];

export class Gateway {
  #key;
  #onUnknownKey;

  /** `onUnknownKey` is called when the gateway does not know the key, or no longer does. */
  constructor(key, onUnknownKey) {
    this.#key = key;
    this.#onUnknownKey = onUnknownKey;
  }

  /** The visible part of the key: enough to recognise it, useless without the rest. */
  get owner() {
    return this.#key.slice(0, 12);
  }

  /**
   * A page of the list, or of what a search (`q`) finds; parameters that are empty are not sent. With an `etag`, null
   * if the page is still the one that had it.
   */
  async recordings(parameters, condition) {
    const given = Object.entries(parameters).filter(([, value]) => value !== "" && value !== null);
    const page = await this.#ifChanged(`v1/recordings?${new URLSearchParams([...given, WITH_ORIGIN])}`, condition);
    if (page === null) return null;
    const { data, has_more: hasMore, next_cursor: cursor = null, etag } = page;
    return { recordings: data.map(summary), hasMore, cursor, etag };
  }

  /**
   * One recording with the files that have arrived. Vexa's dialect has their metadata, Bota's has their status, and the
   * recording's name and origin.
   */
  async recording(id, signal) {
    const asked = [`recordings/${id}`, describedAt(id)].map((path) => this.#ask(path, { signal }));
    const [response, description] = await Promise.all(asked);
    const [recording, inShort] = [await jsonOf(response), await jsonOf(description)];
    const arrived = inShort.media.filter((file) => file.status === "uploaded").map((file) => numberOf(file.id));
    recording.media_files = recording.media_files.filter((file) => arrived.includes(file.id));
    return { ...recording, ...summary(inShort), etag: description.headers.get("ETag") };
  }

  /** What `recording` returns now; null if that has not changed. The entity tag does not cover the origin. */
  async recordingSince({ id, etag, meeting }, signal) {
    const description = await this.#ask(describedAt(id), { signal });
    const { origin } = await jsonOf(description);
    const isSame = description.headers.get("ETag") === etag && (origin.meeting === null) === (meeting === null);
    return isSame ? null : this.recording(id, signal);
  }

  /** Give the recording another name. Refused with 412 if somebody changed it since `etag` was read. */
  async rename(id, name, etag) {
    const condition = etag === null ? {} : { "If-Match": etag };
    const response = await this.#send(`v1/recordings/${publicId(id)}`, "PATCH", { name }, condition);
    return { name: (await jsonOf(response)).name, etag: response.headers.get("ETag") };
  }

  /** The share links of a recording that work. */
  async links(id) {
    return (await this.#read(`v1/recordings/${publicId(id)}/links`)).data;
  }

  async createLink(id, { expiresInSeconds, startSeconds }) {
    const body = { expires_in_seconds: expiresInSeconds, start_seconds: startSeconds };
    return jsonOf(await this.#send(`v1/recordings/${publicId(id)}/links`, "POST", body));
  }

  async endLink(id, linkId) {
    await this.#ask(`v1/recordings/${publicId(id)}/links/${linkId}`, { method: "DELETE" });
  }

  /** Create a recording without media; returns its public id. */
  async createRecording(name) {
    return (await jsonOf(await this.#send("v1/recordings", "POST", { name }))).id;
  }

  /** Where to send a file: `{upload_url, headers, parts?}`. The same `attempt` gets the same media file again. */
  async uploadUrl(id, { type, contentType, size }, attempt) {
    const body = { type, content_type: contentType, file_size_bytes: size };
    const once = { "Idempotency-Key": attempt };
    return jsonOf(await this.#send(`v1/recordings/${id}/upload-url`, "POST", body, once));
  }

  /** Have the gateway verify what was uploaded; the recording's integer id. */
  async completeUpload(id) {
    await this.#ask(`v1/recordings/${id}/upload-complete`, { method: "POST" });
    return numberOf(id);
  }

  async deleteUnfinished(id) {
    await this.#ask(`v1/recordings/${id}`, { method: "DELETE" });
  }

  /** An upload that can be resumed (tus 1.0.0): its URL. Refused with 409 where the storage backend takes no pieces. */
  async createResumable(id, { type, contentType, size }) {
    const metadata = { recording_id: id, type, filetype: contentType };
    const response = await this.#ask("v1/uploads/tus", {
      method: "POST",
      headers: {
        ...TUS,
        "Upload-Length": String(size),
        "Upload-Metadata": Object.entries(metadata).map(([name, value]) => `${name} ${btoa(value)}`).join(","),
      },
    });
    return new URL(response.headers.get("Location"), document.baseURI).href;
  }

  /** How many bytes of a resumable upload have arrived. */
  async resumableOffset(url) {
    const response = await head(url, { ...TUS, "X-API-Key": this.#key });
    return Number(response.headers.get("Upload-Offset"));
  }

  /** The recording's meeting, with `segments` and `recordings`; with an `etag`, null if it is still the same. */
  async transcriptOf(recordingId, condition) {
    return this.#ifChanged(`recordings/${recordingId}/transcript`, condition);
  }

  /** The recording's transcript as WebVTT: its bytes, because a `<track>` cannot send the key. */
  async captions(recordingId, signal) {
    const headers = { Accept: "text/vtt" };
    return bytesOf(await this.#ask(`v1/recordings/${publicId(recordingId)}/transcript`, { headers, signal }));
  }

  /** A meeting with its `segments` and `recordings`. */
  async transcript(platform, meetingId) {
    return this.#read(`transcripts/${encodeURIComponent(platform)}/${encodeURIComponent(meetingId)}`);
  }

  /**
   * A URL that plays the file without a key, and how long it still does. The lifetime is measured
   * by the gateway's own clock (its Date header): the clock of this computer may be wrong.
   * `publicUrl` is for others; the page itself plays from the origin that it came from (`url`), which
   * may have another name and is the only one that its policy lets it ask.
   */
  async playbackUrl(recordingId, mediaId) {
    const response = await this.#ask(`recordings/${recordingId}/media/${mediaId}/playback-url`, { method: "POST" });
    const { url, expires_at: expiresAt } = await jsonOf(response);
    const now = Date.parse(response.headers.get("Date")) || Date.now();
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
    return this.#read(`recordings/${recordingId}/media/${mediaId}/waveform`, { signal });
  }

  /**
   * The bytes of a file. The browser may have them still; the gateway is asked in any case. A redirect to a bucket is
   * not followed: the bucket would get the key.
   */
  async file(recordingId, mediaId, signal) {
    const path = `recordings/${recordingId}/media/${mediaId}/raw`;
    return bytesOf(await this.#ask(path, { cache: "no-cache", redirect: "error", signal }));
  }

  async downloadUrl(recordingId, mediaId) {
    const { download_url: url } = await this.#read(`recordings/${recordingId}/media/${mediaId}/download`);
    return new URL(url, document.baseURI).href;
  }

  /** Delete it; `keepalive` lets the call outlive the page. */
  async remove(recordingId, { keepalive = false } = {}) {
    await this.#ask(`recordings/${recordingId}`, { method: "DELETE", keepalive });
  }

  #send(path, method, body, headers = {}) {
    const json = { "Content-Type": "application/json" };
    return this.#ask(path, { method, body: JSON.stringify(body), headers: { ...json, ...headers } });
  }

  /** A body and its `etag`; null if it is still the one that had the `etag` of the condition. */
  async #ifChanged(path, { etag = null, signal } = {}) {
    const response = await this.#ask(path, { signal, headers: etag === null ? {} : { "If-None-Match": etag } });
    return response.status === 304 ? null : { ...(await jsonOf(response)), etag: response.headers.get("ETag") };
  }

  async #read(path, options) {
    return jsonOf(await this.#ask(path, options));
  }

  async #ask(path, options = {}) {
    if (!SENDABLE_KEY.test(this.#key)) throw new Refused(401);
    const headers = { ...options.headers, "X-API-Key": this.#key };
    return request(new URL(path, document.baseURI), { ...options, headers }).catch((trouble) => {
      if (trouble.status === 401) this.#onUnknownKey();
      throw trouble;
    });
  }
}

/** The path of a recording in Bota's dialect, with its origin. */
function describedAt(id) {
  return `v1/recordings/${publicId(id)}?${new URLSearchParams([WITH_ORIGIN])}`;
}
