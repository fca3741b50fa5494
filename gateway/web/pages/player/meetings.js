/*
 * Meetings by platform and id: their recordings, and what was said in them.
 * While a meeting goes on, it has more segments each time.
 */

import { askAgain } from "./again.js";
import { find, listen } from "./dom.js";
import { isMissing, Refused, Unreachable } from "./request.js";

const PAUSE_MS = 5000;
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
   * While the recording's meeting goes on, and until `signal` ends it, look for what was said since `transcript`.
   * `changed(segments, recording)` is called with all of them, and with the newest state of the recording.
   */
  follow(recording, transcript, { changed, signal }) {
    if (!GOES_ON.includes(recording.status)) return;
    let { etag } = transcript;
    const look = async () => {
      const news = await this.#gateway.transcriptOf(recording.id, { etag, signal }).catch(nothingSaid);
      if (news === null) return true;
      const newest = await this.#gateway.recording(recording.id);
      if (!signal.aborted) changed(news.segments, newest);
      etag = news.etag;
      return GOES_ON.includes(newest.status);
    };
    askAgain(look, PAUSE_MS, signal);
  }
}

/** Nothing has been said in a recording without a transcript; throws any other trouble. */
function nothingSaid(trouble) {
  if (isMissing(trouble)) return NOTHING_SAID;
  throw trouble;
}

function submit(event) {
  event.preventDefault();
  const names = [find("meeting-platform").value, find("meeting-id").value.trim()];
  location.hash = `#/meetings/${names.map(encodeURIComponent).join("/")}`;
}
