/*
 * Uploads one file: in checksummed pieces that can be resumed (tus) if the storage backend takes them, else in one PUT
 * or in presigned parts. After a connection fails, the upload goes on from the last byte that arrived. If the page was
 * closed, it goes on when the same file is chosen again in this browser.
 */

import { keyOf, recall, remember } from "./begun.js";
import { Refused, isTemporary, transmit } from "./request.js";

const PIECE_BYTES = 8 * 1024 * 1024;
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 30_000;
/** About an hour of retries, so that an upload survives a closed laptop; after that, the failure is reported. */
const ATTEMPTS = 120;
/** A bucket's URL takes one object: if it exists, an earlier attempt arrived whose response was lost. */
const ALREADY_THERE = 412;
/** tus: the piece does not begin where what is stored ends: an interrupted request has stored more meanwhile. */
const OTHER_OFFSET = 409;

/** The files that this page is sending. One that is chosen twice is sent twice. */
const sending = new Set();

export class Sending {
  #gateway;
  #file;
  #type;
  #progress;
  #stopped = new AbortController();
  #request = new AbortController();
  #paused = null;
  #resume = () => {};

  /** `progress(bytes)` is called with the number of bytes that have been sent. */
  constructor(gateway, file, type, progress) {
    this.#gateway = gateway;
    this.#file = file;
    this.#type = type;
    this.#progress = progress;
  }

  /** Send the file; returns the recording's integer id. Throws Refused with the API's message if it is not accepted. */
  async run() {
    await probe(this.#file);
    const key = keyOf(this.#file);
    if (sending.has(key)) return this.#begin();
    sending.add(key);
    try {
      return await this.#resumeOrBegin();
    } finally {
      sending.delete(key);
    }
  }

  async #resumeOrBegin() {
    const begun = recall(this.#file);
    if (begun !== null) {
      try {
        return await this.#finish(begun);
      } catch (trouble) {
        // It was completed or deleted, has expired, or belongs to another account: send it from its beginning.
        if (!(trouble instanceof Refused && trouble.status >= 400 && trouble.status < 500)) throw trouble;
        remember(this.#file, null);
      }
    }
    return this.#begin();
  }

  async #begin() {
    const id = await this.#again(() => this.#gateway.createRecording(this.#file.name));
    const upload = { id, attempt: crypto.randomUUID?.() ?? String(Math.random()), url: null };
    try {
      return await this.#finish(upload);
    } catch (trouble) {
      // A recording without its file is useless, unless the file can be sent later.
      if (trouble.name !== "AbortError") {
        remember(this.#file, null);
        await this.#gateway.deleteUnfinished(id).catch(() => {});
      }
      throw trouble;
    }
  }

  async #finish(upload) {
    await this.#transfer(upload);
    const id = await this.#again(() => this.#gateway.completeUpload(upload.id));
    remember(this.#file, null);
    return id;
  }

  /** Pause or resume; returns whether it is paused now. */
  toggle() {
    if (this.#paused === null) {
      this.#paused = new Promise((resolve) => (this.#resume = resolve));
      this.#request.abort();
      return true;
    }
    this.#paused = null;
    this.#resume();
    return false;
  }

  stop() {
    this.#stopped.abort();
    this.#request.abort();
    this.#resume();
  }

  async #transfer(upload) {
    const { id } = upload;
    if (upload.url !== null) {
      const arrived = await this.#again(() => this.#gateway.resumableOffset(upload.url));
      return this.#sendPieces(upload.url, arrived);
    }
    const about = { type: this.#type, contentType: this.#file.type || null, size: this.#file.size };
    const url = await this.#again(() => this.#gateway.createResumable(id, about)).catch((trouble) => {
      if (trouble instanceof Refused && trouble.status === 409) return null;
      throw trouble;
    });
    remember(this.#file, { ...upload, url });
    if (url !== null) return this.#sendPieces(url, 0);
    const target = await this.#again(() => this.#gateway.uploadUrl(id, about, upload.attempt));
    if (target.parts) return this.#sendParts(target.parts);
    return this.#again(() => this.#put(target.upload_url, target.headers, this.#file, 0));
  }

  async #sendPieces(url, from) {
    let offset = from;
    this.#progress(offset);
    while (offset < this.#file.size) {
      offset = await this.#again(async (attempt) => {
        const arrived = attempt === 0 ? offset : await this.#gateway.resumableOffset(url);
        return this.#sendPiece(url, arrived);
      }, [OTHER_OFFSET]);
    }
  }

  async #sendPiece(url, offset) {
    const piece = this.#file.slice(offset, offset + PIECE_BYTES);
    if (piece.size === 0) return offset;
    const headers = {
      "Tus-Resumable": "1.0.0",
      "Upload-Offset": String(offset),
      "Content-Type": "application/offset+octet-stream",
      ...(await checksum(piece)),
    };
    await this.#transmit("PATCH", url, headers, piece, offset);
    return offset + piece.size;
  }

  async #sendParts(parts) {
    for (const { upload_url: url, offset, size_bytes: length, uploaded } of parts) {
      if (!uploaded) await this.#again(() => this.#put(url, {}, this.#file.slice(offset, offset + length), offset));
    }
  }

  async #put(url, headers, body, offset) {
    await this.#transmit("PUT", url, headers, body, offset).catch((trouble) => {
      if (trouble.status !== ALREADY_THERE) throw trouble;
    });
  }

  /** Send these bytes, which begin at `offset` of the file. */
  async #transmit(method, url, headers, body, offset) {
    await probe(body); // XMLHttpRequest does not say that it cannot be read
    this.#request = new AbortController();
    const progress = (sent) => this.#progress(offset + sent);
    return transmit(method, url, { headers, body, progress, signal: this.#request.signal });
  }

  /** Try until it works or is refused permanently. Wait longer after each failure, and while paused. */
  async #again(step, temporary = []) {
    for (let attempt = 0; ; attempt += 1) {
      await this.#paused;
      if (this.#stopped.signal.aborted) throw new DOMException("stopped", "AbortError");
      try {
        return await step(attempt);
      } catch (trouble) {
        const passes = isTemporary(trouble) || temporary.includes(trouble.status);
        if (!passes || attempt === ATTEMPTS) throw trouble;
        const pause = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(attempt, 10));
        if (this.#paused === null) await wait(Math.max(pause, trouble.retryMs));
      }
    }
  }
}

/** Throws a DOMException if the browser cannot read it: a folder, or a file that was changed or deleted. */
async function probe(blob) {
  await blob.slice(0, 1).arrayBuffer();
}

/** tus: `Upload-Checksum`, where the browser offers SHA-256 (on https and localhost). */
async function checksum(piece) {
  if (!crypto.subtle) return {};
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await piece.arrayBuffer()));
  return { "Upload-Checksum": `sha256 ${btoa(String.fromCharCode(...digest))}` };
}

function wait(milliseconds) {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
    window.addEventListener("online", resolve, { once: true });
  });
}
