/*
 * One file on its way to the gateway: checksummed pieces that can be resumed (tus) where the storage backend takes them, else
 * one PUT or presigned parts. A connection that fails is tried again from the last byte that arrived.
 */

import { Refused, Unreachable } from "./api.js";

const PIECE_BYTES = 8 * 1024 * 1024;
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 30_000;
/** About an hour of waiting: a closed laptop goes on, an unreachable gateway is reported. */
const ATTEMPTS = 120;
/** The browser sets these header fields; no page may set them. */
const OWN_FIELDS = ["content-length", "host"];
/** A bucket's URL takes one object: if it exists, an earlier attempt arrived whose response was lost. */
const ALREADY_THERE = 412;
/** These statuses are temporary: the gateway or its storage is busy, or the connection was cut. */
const TEMPORARY = [408, 423, 429, 500, 502, 503, 504];

export class Sending {
  #gateway;
  #file;
  #type;
  #progress;
  #stopped = new AbortController();
  #request = null;
  #paused = null;
  #resume = () => {};

  /** `progress(bytes)` hears how many bytes have arrived. */
  constructor(gateway, file, type, progress) {
    this.#gateway = gateway;
    this.#file = file;
    this.#type = type;
    this.#progress = progress;
  }

  /** Send it; the recording's integer id. Throws Refused with the API's words if the file is not wanted. */
  async run() {
    const id = await this.#again(() => this.#gateway.createRecording(this.#file.name));
    try {
      await this.#transfer(id);
      return await this.#again(() => this.#gateway.completeUpload(id));
    } catch (trouble) {
      // A recording without its file is of no use to anybody.
      await this.#gateway.deleteUnfinished(id).catch(() => {});
      throw trouble;
    }
  }

  /** Pause or go on; whether it is paused now. */
  toggle() {
    if (this.#paused === null) {
      this.#paused = new Promise((resolve) => (this.#resume = resolve));
      this.#request?.abort();
      return true;
    }
    this.#paused = null;
    this.#resume();
    return false;
  }

  stop() {
    this.#stopped.abort();
    this.#request?.abort();
    this.#resume();
  }

  async #transfer(id) {
    const about = { type: this.#type, contentType: this.#file.type || null, size: this.#file.size };
    const url = await this.#again(() => this.#gateway.createResumable(id, about)).catch((trouble) => {
      if (trouble instanceof Refused && trouble.status === 409) return null;
      throw trouble;
    });
    if (url !== null) return this.#sendPieces(url);
    const attempt = crypto.randomUUID?.() ?? String(Math.random());
    const target = await this.#again(() => this.#gateway.uploadUrl(id, about, attempt));
    return target.parts ? this.#sendParts(target.parts) : this.#again(() => this.#put(target.upload_url, target.headers, this.#file, 0));
  }

  async #sendPieces(url) {
    let offset = 0;
    while (offset < this.#file.size) {
      offset = await this.#again(async (attempt) => {
        const from = attempt === 0 ? offset : await this.#gateway.resumableOffset(url);
        return this.#sendPiece(url, from);
      });
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

  /** Send a body by XMLHttpRequest, the only way in which a browser reports how much of it has left. */
  #transmit(method, url, headers, body, offset) {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      this.#request = request;
      request.open(method, url);
      for (const [name, value] of Object.entries(headers)) if (!OWN_FIELDS.includes(name.toLowerCase())) request.setRequestHeader(name, value);
      request.upload.addEventListener("progress", ({ loaded }) => this.#progress(offset + loaded));
      request.addEventListener("load", () => (request.status < 300 ? resolve() : reject(new Refused(request.status, wordsOf(request)))));
      for (const name of ["error", "abort", "timeout"]) request.addEventListener(name, () => reject(new Unreachable("no answer")));
      request.send(body);
    });
  }

  /** Try until it works or is refused for good; wait longer each time, and as long as it is paused. */
  async #again(step) {
    for (let attempt = 0; ; attempt += 1) {
      await this.#paused;
      if (this.#stopped.signal.aborted) throw new DOMException("stopped", "AbortError");
      try {
        return await step(attempt);
      } catch (trouble) {
        const temporary = trouble instanceof Unreachable || TEMPORARY.includes(trouble.status);
        if (!temporary || attempt === ATTEMPTS) throw trouble;
        if (this.#paused === null) await wait(Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** Math.min(attempt, 10)));
      }
    }
  }
}

/** tus: `Upload-Checksum`, where the browser offers SHA-256 (on https and localhost). */
async function checksum(piece) {
  if (!crypto.subtle) return {};
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", await piece.arrayBuffer()));
  return { "Upload-Checksum": `sha256 ${btoa(String.fromCharCode(...digest))}` };
}

function wordsOf(request) {
  try {
    return JSON.parse(request.responseText).error.message;
  } catch {
    return "";
  }
}

function wait(milliseconds) {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
    window.addEventListener("online", resolve, { once: true });
  });
}
