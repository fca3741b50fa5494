/*
 * A recording as a row of the list: its name, when it was made, its kind, and the sentences that a search found.
 */

import { el } from "./dom.js";
import { clock, day, duration, isoDuration, shortDay, size } from "./format.js";
import { strings } from "./strings.js";
import { titleOf } from "./titles.js";

/** The day that a recording was made, as the list calls it. */
export function dayOf(recording) {
  return day(new Date(recording.created_at));
}

/** Rows below the names of their days; the first name is left out if the previous rows are of the same day. */
export function rowsByDay(recordings, dayBefore) {
  const groups = [];
  for (const recording of recordings) {
    const title = dayOf(recording);
    if (groups.at(-1)?.title !== title) groups.push({ title, rows: [] });
    groups.at(-1).rows.push(row(recording, clock(new Date(recording.created_at))));
  }
  const heading = (title) => (title === dayBefore ? [] : [el("h3", {}, title)]);
  return groups.flatMap(({ title, rows }) => [...heading(title), el("ul", { "data-day": title }, ...rows)]);
}

/** Rows in an order other than by time: each shows its day. */
export function rowsWithDays(recordings, words) {
  const made = (recording) => shortDay(new Date(recording.created_at));
  const rows = recordings.map((recording) => row(recording, made(recording), { looks: "clock day", words }));
  return [el("ul", {}, ...rows)];
}

function row(recording, made, { looks = "clock", words = [] } = {}) {
  const { seconds } = recording;
  const length = { class: "duration", datetime: seconds === null ? null : isoDuration(seconds) };
  const link = el(
    "a",
    { href: `#/recordings/${recording.id}`, "data-id": recording.id },
    el("time", { datetime: recording.created_at, class: looks }, made),
    ...thumbnail(recording),
    el("bdi", { class: "what" }, titleOf(recording)),
    el("span", { class: `aside ${recording.status}` }, aside(recording)),
    el("time", length, duration(seconds ?? NaN)),
    el("span", { class: "size" }, recording.files > 0 ? size(recording.bytes) : ""),
  );
  return el("li", {}, link, ...(recording.matches ?? []).map((match) => sentence(recording, match, words)));
}

/** A place for the recording's image (thumbnails.js); the row's words say what it is. */
function thumbnail({ id, image }) {
  if (image === null) return [];
  const place = { width: 128, height: 72, "data-recording": id, "data-image": image };
  return [el("canvas", { ...place, "aria-hidden": "true" })];
}

/** A sentence that was found; choosing it plays from there. */
function sentence(recording, { start_seconds: start, speaker, text }, words) {
  const place = `#/recordings/${recording.id}?at=${start}`;
  const who = speaker ? [el("b", {}, speaker), " "] : [];
  const said = el("bdi", { dir: "auto" }, ...marked(text.trim(), words));
  return el("a", { class: "match", href: place }, el("time", {}, duration(start)), " ", ...who, said);
}

/** The words of a search, without excluded ones and quotation marks. */
export function searchedWords(text) {
  return text.replace(/(^|\s)-("[^"]*"?|\S+)/g, " ").toLocaleLowerCase().match(/[\p{L}\p{N}\p{M}]+/gu) ?? [];
}

/** The text, in which each word that begins with a word of the search is in a `<mark>`. */
function marked(text, words) {
  const isFound = (part) => words.some((word) => stem(part).startsWith(stem(word)));
  return text.split(/([\p{L}\p{N}\p{M}]+)/u).map((part) => (isFound(part) ? el("mark", {}, part) : part));
}

/** Enough of a word to recognise its other forms. */
function stem(word) {
  const lower = word.toLocaleLowerCase();
  return lower.length > 5 ? lower.slice(0, -2) : lower;
}

/** The row's details: the kinds of its files, and its source, or its status unless that is completed. */
function aside({ source, status, kinds }) {
  const state = status === "completed" ? strings.source[source] : strings.status[status];
  return `${kinds || strings.list.noFiles} · ${state}`;
}
