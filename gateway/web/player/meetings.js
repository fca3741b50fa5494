/*
 * Meetings by platform and id: their recordings, and what was said in them.
 * Remembers the segments of each meeting that was opened, for its recordings' transcripts.
 */

import { Refused, Unreachable } from "./api.js";
import { find } from "./dom.js";

export class Meetings {
  #gateway;
  #segments = new Map();

  constructor(gateway, signal) {
    this.#gateway = gateway;
    find("meeting-form").addEventListener("submit", (event) => this.#submit(event), { signal });
  }

  async open(platform, id) {
    const meeting = await this.#gateway.transcript(platform, id);
    this.#segments.set(meeting.id, meeting.segments);
    return meeting;
  }

  /** What was said in the recording's meeting; nothing where it has none, or where it may not or cannot be read now. */
  async segmentsOf(recording) {
    const { id, meeting_id: meetingId } = recording;
    if (meetingId === null) return [];
    if (!this.#segments.has(meetingId)) {
      try {
        this.#segments.set(meetingId, (await this.#gateway.transcriptOf(id)).segments);
      } catch (trouble) {
        if (!(trouble instanceof Refused || trouble instanceof Unreachable)) throw trouble;
      }
    }
    return this.#segments.get(meetingId) ?? [];
  }

  #submit(event) {
    event.preventDefault();
    const names = [find("meeting-platform").value, find("meeting-id").value.trim()];
    location.hash = `#/meetings/${names.map(encodeURIComponent).join("/")}`;
  }
}
