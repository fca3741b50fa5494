/*
 * The uploads that this browser has begun and not finished, so that one goes on when its file is chosen again.
 */

import { Stored } from "./stored.js";

/** The uploads that this browser has begun, by file: recording, name of the attempt, and URL for the pieces. */
const uploads = new Stored("localStorage", "seekgate.uploads");
const MOST_STORED = 50;

export function recall(file) {
  return uploads.table[keyOf(file)] ?? null;
}

/** If the browser refuses to store it, an upload starts over after its page was closed. */
export function remember(file, upload) {
  const others = Object.entries(uploads.table).filter(([key]) => key !== keyOf(file));
  const kept = upload === null ? others : [...others.slice(1 - MOST_STORED), [keyOf(file), upload]];
  uploads.table = Object.fromEntries(kept);
}

export function keyOf({ name, size, type, lastModified }) {
  return [name, size, type, lastModified].join("/");
}
