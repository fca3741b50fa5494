/*
 * Meetings by platform and id: their recordings, and what was said in them.
 * Nothing is cached, because a meeting that goes on has more segments the next time.
 */

import { Refused, Unreachable } from "./request.js";
import { find, listen } from "./dom.js";

export class Meetings {
  #gateway;

  constructor(gateway, signal) {
    this.#gateway = gateway;
    listen(find("meeting-form"), "submit", signal, submit);
  }

  async open(platform, id) {
    return this.#gateway.transcript(platform, id);
  }

  /** The segments of the recording's meeting; none without a meeting, or if they may not or cannot be read now. */
  async segmentsOf(recording) {
    if (recording.meeting_id === null) return [];
    try {
      return (await this.#gateway.transcriptOf(recording.id)).segments;
    } catch (trouble) {
      if (trouble instanceof Refused || trouble instanceof Unreachable) return [];
      throw trouble;
    }
  }
}

function submit(event) {
  event.preventDefault();
  const names = [find("meeting-platform").value, find("meeting-id").value.trim()];
  location.hash = `#/meetings/${names.map(encodeURIComponent).join("/")}`;
}
