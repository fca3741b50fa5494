/*
 * The recordings as one list to take from. Without a search they come newest first. With one, the gateway's own search
 * comes first (names and what was said, best first); after it the rest of the catalogue is read page by page, for what the
 * gateway does not search: date, type, format, status and id.
 */

import { dayAndClock } from "./format.js";
import { strings } from "./strings.js";

const PAGE_SIZE = 100;
/** The longest text that the gateway searches for. */
const LONGEST_SEARCH = 200;

export class Catalogue {
  #gateway;
  #words;
  #matches;
  #searched = 0;
  #searching;
  #offset = 0;
  #ended = false;
  #seen = new Set();
  #waiting = [];

  constructor(gateway, words = "") {
    this.#gateway = gateway;
    this.#words = words;
    this.#searching = words !== "";
    this.#matches = matcher(words);
  }

  get hasMore() {
    return this.#waiting.length > 0;
  }

  /** The next `count` recordings, fewer at the end. Reads one match ahead, so that `hasMore` is true to its word. */
  async take(count, signal) {
    while (this.#waiting.length <= count && this.#searching) await this.#readSearch(signal);
    while (this.#waiting.length <= count && !this.#ended) await this.#readPage(signal);
    return this.#waiting.splice(0, count);
  }

  /** A recording was deleted: everything older has moved up by one. */
  forget() {
    this.#offset = Math.max(0, this.#offset - 1);
  }

  async #readSearch(signal) {
    const words = this.#words.slice(0, LONGEST_SEARCH);
    const { found, hasMore } = await this.#gateway.search({ words, limit: PAGE_SIZE, offset: this.#searched, signal });
    this.#searched += PAGE_SIZE;
    this.#searching = hasMore;
    this.#queue(found);
  }

  #queue(recordings) {
    const unseen = recordings.filter((recording) => !this.#seen.has(recording.id));
    for (const recording of unseen) this.#seen.add(recording.id);
    this.#waiting.push(...unseen);
  }

  /** Only an empty page is the end: unreadable rows make a page short. New arrivals make pages overlap. */
  async #readPage(signal) {
    const page = await this.#gateway.recordings({ limit: PAGE_SIZE, offset: this.#offset, signal });
    this.#offset += PAGE_SIZE;
    this.#ended = page.length === 0;
    this.#queue(page.filter(this.#matches));
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
    recording.name,
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
