/*
 * Meetings by platform and id: their recordings, and what was said in them.
 * While a meeting goes on, it has more segments each time; a transcript may also come long after it.
 */

import { askAgain } from "./again.js";
import { find, listen } from "./dom.js";
import { Refused, Unreachable } from "./request.js";

const PAUSE_MS = 5000;
const PAUSE_AFTERWARDS_MS = 15_000;
const GOES_ON = ["in_progress", "uploading"];
const NOTHING_SAID = { segments: [], etag: null };

export class Meetings {
  #gateway;

  constructor(gateway, signal) {
    this.#gateway = gateway;
    listen(find("meeting-form"), "submit", signal, submit);
  }

  async open(platform, id) {
    return this.#gateway.transcript(platform, id);
  }

  /** The `segments` of the recording's meeting; none without one, or if they may not or cannot be read now. */
  async transcriptOf(recording) {
    if (recording.meeting_id === null) return NOTHING_SAID;
    try {
      return await this.#gateway.transcriptOf(recording.id);
    } catch (trouble) {
      if (trouble instanceof Refused || trouble instanceof Unreachable) return NOTHING_SAID;
      throw trouble;
    }
  }

  /**
   * Until `signal` ends it, look for what was said since `transcript`, and whether the recording has changed.
   * `changed(recording, segments)` gets the newest state of each; null for what is as it was. It brings `recording` up
   * to date.
   */
  follow(recording, transcript, { changed, signal }) {
    let { etag } = transcript;
    const look = async (limited) => {
      const newest = await this.#gateway.recordingSince(recording, limited);
      const ask = () => this.#gateway.transcriptOf(recording.id, { etag, signal: limited }).catch(nothingSaid);
      const news = (newest ?? recording).meeting_id === null ? null : await ask();
      if (signal.aborted) return;
      changed(newest, news?.segments ?? null);
      etag = news === null ? etag : news.etag;
    };
    askAgain(look, () => (GOES_ON.includes(recording.status) ? PAUSE_MS : PAUSE_AFTERWARDS_MS), signal);
  }
}

/** Nothing was said in a recording without a transcript, or with one that this key may not read. */
function nothingSaid(trouble) {
  if (trouble instanceof Refused && [403, 404].includes(trouble.status)) return NOTHING_SAID;
  throw trouble;
}

function submit(event) {
  event.preventDefault();
  const names = [find("meeting-platform").value, find("meeting-id").value.trim()];
  location.hash = `#/meetings/${names.map(encodeURIComponent).join("/")}`;
}
