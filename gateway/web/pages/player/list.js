/*
 * The list pane: recordings by day, or what a search finds, best first; more of them on demand. The browser lays out only the
 * rows that are near the visible part (content-visibility in list.css), so that long lists scroll smoothly.
 */

import { Catalogue } from "./catalogue.js";
import { el, find } from "./dom.js";
import { clock, day, duration, isoDuration, size } from "./format.js";
import { strings } from "./strings.js";
import { explain } from "./trouble.js";

const BATCH = 50;
const TYPING_PAUSE_MS = 250;

export class RecordingList {
  #gateway;
  #catalogue;
  #reading = new AbortController();
  #recordings = [];
  #hidden = new Set();
  #chosen = null;

  constructor(gateway, signal) {
    this.#gateway = gateway;
    let typing;
    const later = () => {
      clearTimeout(typing);
      typing = setTimeout(() => this.search(), TYPING_PAUSE_MS);
    };
    find("search").addEventListener("input", later, { signal });
    find("refresh").addEventListener("click", () => this.search(), { signal });
    find("more").addEventListener("click", () => this.#more(), { signal });
    signal.addEventListener("abort", () => this.#empty());
  }

  /** Read the catalogue from its newest again, for the words in the search field. */
  async search() {
    const words = find("search").value.trim();
    this.#begin(strings.list.title, new Catalogue(this.#gateway, words));
    await this.#read();
    this.#tellIfEmpty(words);
  }

  /** A meeting's recordings instead of the catalogue's. */
  showMeeting(title, recordings) {
    find("search").value = "";
    this.#begin(title, null);
    this.#recordings = recordings;
    this.#render();
  }

  find(id) {
    return this.#recordings.find((recording) => recording.id === id);
  }

  choose(id) {
    this.#chosen = id;
    for (const link of find("rows").querySelectorAll("a[data-id]")) mark(link, Number(link.dataset.id) === id);
  }

  /** Show the recording's new name. */
  rename(id, name) {
    const recording = this.find(id);
    if (recording) recording.name = name;
    this.#render();
  }

  hide(recording) {
    this.#hidden.add(recording.id);
    this.#render();
  }

  restore(recording) {
    this.#hidden.delete(recording.id);
    this.#render();
  }

  forget() {
    this.#catalogue?.forget();
  }

  #begin(title, catalogue) {
    this.#empty();
    this.#catalogue = catalogue;
    find("list-title").textContent = title;
    find("all").hidden = catalogue !== null;
    find("refresh").hidden = catalogue === null;
  }

  #empty() {
    this.#reading.abort();
    this.#recordings = [];
    find("rows").replaceChildren();
    for (const id of ["list-empty", "list-trouble", "more"]) find(id).hidden = true;
  }

  async #more() {
    const before = this.#recordings.length;
    await this.#read();
    find("rows").querySelectorAll("a[data-id]")[before]?.focus();
  }

  async #read() {
    this.#reading = new AbortController();
    find("list-count").textContent = strings.list.reading;
    try {
      this.#recordings.push(...(await this.#catalogue.take(BATCH, this.#reading.signal)));
      this.#render();
    } catch (trouble) {
      if (trouble.name !== "AbortError") this.#show(trouble);
    }
  }

  #show(trouble) {
    find("list-count").textContent = "";
    find("list-trouble").textContent = explain(trouble);
    find("list-trouble").hidden = false;
  }

  #tellIfEmpty(words) {
    const empty = find("list-empty");
    empty.hidden = this.#recordings.length > 0 || !find("list-trouble").hidden;
    find("list-empty-title").textContent = words ? strings.list.noMatch(words) : strings.list.empty;
    find("list-empty-hint").hidden = words !== "";
  }

  #render() {
    const visible = this.#recordings.filter((recording) => !this.#hidden.has(recording.id));
    const more = this.#catalogue?.hasMore ?? false;
    find("rows").replaceChildren(...(find("search").value.trim() ? [results(visible)] : days(visible)));
    find("list-count").textContent = visible.length > 0 ? strings.list.count(visible.length, more) : "";
    find("more").hidden = !more;
    this.choose(this.#chosen);
  }
}

/** One titled group per day; the recordings are newest first already. */
function days(recordings) {
  const groups = new Map();
  for (const recording of recordings) {
    const title = day(new Date(recording.created_at));
    if (!groups.has(title)) groups.set(title, []);
    groups.get(title).push(row(recording));
  }
  return [...groups].map(([title, rows]) => el("li", {}, el("h3", {}, title), el("ul", {}, ...rows)));
}

/** What a search finds stays in its own order, so it is not grouped by day. */
function results(recordings) {
  return el("li", {}, el("ul", {}, ...recordings.map(row)));
}

function row(recording) {
  const made = new Date(recording.created_at);
  const seconds = longest(recording);
  const link = el(
    "a",
    { href: `#/recordings/${recording.id}`, "data-id": recording.id },
    el("time", { datetime: recording.created_at, class: "clock" }, clock(made)),
    el("bdi", { class: "what" }, recording.name ?? kinds(recording)),
    el("span", { class: `aside ${recording.status}` }, aside(recording)),
    el("time", { class: "duration", datetime: seconds === null ? null : isoDuration(seconds) }, duration(seconds ?? NaN)),
    el("span", { class: "size" }, totalSize(recording)),
  );
  return el("li", {}, link, ...(recording.matches ?? []).map((match) => sentence(recording, match)));
}

/** A sentence that was found; choosing it plays from there. */
function sentence(recording, { start_seconds: start, speaker, text }) {
  const words = find("search").value.toLocaleLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];
  const place = `#/recordings/${recording.id}?at=${start}`;
  return el("a", { class: "match", href: place }, el("time", {}, duration(start)), " ", ...(speaker ? [el("b", {}, speaker), " "] : []), ...marked(text.trim(), words));
}

/** The text with each word that begins with a searched one in a `<mark>`. */
function marked(text, words) {
  return text.split(/([\p{L}\p{N}]+)/u).map((part) => (words.some((word) => stem(part).startsWith(stem(word))) ? el("mark", {}, part) : part));
}

/** Enough of a word to recognise its other forms. */
function stem(word) {
  const lower = word.toLocaleLowerCase();
  return lower.length > 5 ? lower.slice(0, -2) : lower;
}

/** Completed is what everyone expects; only the other statuses are worth a word. */
function aside(recording) {
  const what = recording.name === null ? [] : [kinds(recording)];
  const word = recording.status === "completed" ? strings.source[recording.source] : strings.status[recording.status];
  return [...what, word].filter(Boolean).join(" · ");
}

function kinds({ media_files: files }) {
  if (files.length === 1) return `${strings.kind[files[0].type]} ${files[0].format}`;
  return files.length > 0 ? files.map((file) => strings.kind[file.type]).join(", ") : strings.list.noFiles;
}

function totalSize({ media_files: files }) {
  return files.length > 0 ? size(files.reduce((sum, file) => sum + (file.file_size_bytes ?? 0), 0)) : "";
}

function longest(recording) {
  const known = recording.media_files.map((file) => file.duration_seconds).filter((seconds) => seconds !== null);
  return known.length > 0 ? Math.max(...known) : null;
}

function mark(link, chosen) {
  if (chosen) link.setAttribute("aria-current", "true");
  else link.removeAttribute("aria-current");
}
