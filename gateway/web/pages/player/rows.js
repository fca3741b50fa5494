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
  return groups.flatMap(({ title, rows }) => [...(title === dayBefore ? [] : [el("h3", {}, title)]), el("ul", {}, ...rows)]);
}

/** Rows in an order other than by time: each shows its day. */
export function rowsWithDays(recordings, words) {
  return [el("ul", {}, ...recordings.map((recording) => row(recording, shortDay(new Date(recording.created_at)), { looks: "clock day", words })))];
}

function row(recording, made, { looks = "clock", words = [] } = {}) {
  const seconds = recording.seconds;
  const link = el(
    "a",
    { href: `#/recordings/${recording.id}`, "data-id": recording.id },
    el("time", { datetime: recording.created_at, class: looks }, made),
    el("bdi", { class: "what" }, titleOf(recording)),
    el("span", { class: `aside ${recording.status}` }, aside(recording)),
    el("time", { class: "duration", datetime: seconds === null ? null : isoDuration(seconds) }, duration(seconds ?? NaN)),
    el("span", { class: "size" }, recording.files > 0 ? size(recording.bytes) : ""),
  );
  return el("li", {}, link, ...(recording.matches ?? []).map((match) => sentence(recording, match, words)));
}

/** A sentence that was found; choosing it plays from there. */
function sentence(recording, { start_seconds: start, speaker, text }, words) {
  const place = `#/recordings/${recording.id}?at=${start}`;
  const said = el("bdi", { dir: "auto" }, ...marked(text.trim(), words));
  return el("a", { class: "match", href: place }, el("time", {}, duration(start)), " ", ...(speaker ? [el("b", {}, speaker), " "] : []), said);
}

/** The words of a search, without excluded ones and quotation marks. */
export function searchedWords(text) {
  return text.replace(/(^|\s)-("[^"]*"?|\S+)/g, " ").toLocaleLowerCase().match(/[\p{L}\p{N}\p{M}]+/gu) ?? [];
}

/** The text, in which each word that begins with a word of the search is in a `<mark>`. */
function marked(text, words) {
  return text.split(/([\p{L}\p{N}\p{M}]+)/u).map((part) => (words.some((word) => stem(part).startsWith(stem(word))) ? el("mark", {}, part) : part));
}

/** Enough of a word to recognise its other forms. */
function stem(word) {
  const lower = word.toLocaleLowerCase();
  return lower.length > 5 ? lower.slice(0, -2) : lower;
}

/** The row's details: the kinds of its files, and its source, or its status unless that is completed. */
function aside({ source, status, kinds }) {
  return [kinds || strings.list.noFiles, status === "completed" ? strings.source[source] : strings.status[status]].join(" · ");
}
