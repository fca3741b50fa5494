/*
 * The recordings as one list to take from, newest first, with or without a search.
 * Knows paging; refuses to know elements. The gateway has no search of its own, so a search
 * reads on, page by page, until it has enough matches or the catalogue ends.
 */

import { dayAndClock } from "./format.js";
import { strings } from "./strings.js";

const PAGE_SIZE = 100;

export class Catalogue {
  #gateway;
  #matches;
  #offset = 0;
  #ended = false;
  #seen = new Set();
  #waiting = [];

  constructor(gateway, words = "") {
    this.#gateway = gateway;
    this.#matches = matcher(words);
  }

  get hasMore() {
    return this.#waiting.length > 0;
  }

  /** The next `count` recordings, fewer at the end. Reads one match ahead, so that `hasMore` is true to its word. */
  async take(count, signal) {
    while (this.#waiting.length <= count && !this.#ended) await this.#readPage(signal);
    return this.#waiting.splice(0, count);
  }

  /** A recording was deleted: everything older has moved up by one. */
  forget() {
    this.#offset = Math.max(0, this.#offset - 1);
  }

  /** Only an empty page is the end: unreadable rows make a page short. New arrivals make pages overlap. */
  async #readPage(signal) {
    const page = await this.#gateway.recordings({ limit: PAGE_SIZE, offset: this.#offset, signal });
    this.#offset += PAGE_SIZE;
    this.#ended = page.length === 0;
    const unseen = page.filter((recording) => !this.#seen.has(recording.id));
    for (const recording of unseen) this.#seen.add(recording.id);
    this.#waiting.push(...unseen.filter(this.#matches));
  }
}

/** A recording matches when each word is somewhere in what a person could know of it. */
function matcher(words) {
  const wanted = words.toLocaleLowerCase().split(/\s+/).filter(Boolean);
  return (recording) => {
    const text = wanted.length > 0 ? searchable(recording) : "";
    return wanted.every((word) => text.includes(word));
  };
}

function searchable(recording) {
  const media = recording.media_files.flatMap((file) => [file.id, strings.kind[file.type], file.format, ...texts(file.metadata)]);
  return [
    recording.id,
    recording.meeting_id,
    recording.session_uid,
    recording.created_at,
    dayAndClock(new Date(recording.created_at)),
    strings.source[recording.source],
    strings.status[recording.status],
    ...media,
  ]
    .join("\n")
    .toLocaleLowerCase();
}

function texts(metadata) {
  return Object.values(metadata ?? {}).filter((value) => typeof value === "string");
}
