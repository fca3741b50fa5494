/*
 * Meetings by platform and id: their recordings, and what was said in them.
 * Remembers the segments of each meeting that was opened, for its recordings' transcripts.
 */

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

  segmentsOf(recording) {
    return this.#segments.get(recording.meeting_id) ?? [];
  }

  #submit(event) {
    event.preventDefault();
    const names = [find("meeting-platform").value, find("meeting-id").value.trim()];
    location.hash = `#/meetings/${names.map(encodeURIComponent).join("/")}`;
  }
}
