/*
 * The length of a media element, and moving to any second of it.
 *
 * What a browser's MediaRecorder writes has no length in its header. Chromium then reports Infinity. Firefox reports
 * how much it has loaded, and moves no further; from there it loads more. It may report a new duration before what is
 * buffered: a move in this moment ends at the old one. The catalogue knows the length.
 */

import { listen } from "./dom.js";
import { fromTimeRanges } from "./intervals.js";

/** A position this near to the end of what is loaded counts as loaded: lengths in headers are rounded. */
const NEAR_SECONDS = 0.5;
/** At its very end an element would have ended, and play() would begin at 0. */
const EDGE_SECONDS = 0.2;

/** The catalogue's length of an element, in seconds; null if it has none. */
const lengths = new WeakMap();
/** Elements whose browser took what it had loaded for the whole. */
const growing = new WeakSet();
/** Where an element is to be once it has loaded enough: { second, wait }. Aborting `wait` ends that. */
const moves = new WeakMap();

/** Whether a new element keeps the position that is set before it loads (HTML: "default playback start position"). */
const KEEPS_EARLY_POSITION = (() => {
  const probe = document.createElement("audio");
  probe.currentTime = 1;
  return probe.currentTime === 1;
})();

export function expectLength(media, seconds) {
  lengths.set(media, seconds);
  media.addEventListener("durationchange", () => {
    const isWhole = media.duration > lengthOf(media) - NEAR_SECONDS;
    if (!isWhole && Math.abs(media.duration - loadedEnd(media)) < NEAR_SECONDS) growing.add(media);
  });
}

/** In seconds; NaN while neither the catalogue nor the browser knows it. The longer counts: all of it can be played. */
export function lengthOf(media) {
  const known = [lengths.get(media), media.duration].filter((seconds) => seconds > 0 && seconds < Infinity);
  return Math.max(0, ...known) || NaN;
}

/** Where the person is or has asked to be, in seconds. */
export function positionOf(media) {
  return moves.get(media)?.second ?? media.currentTime;
}

/**
 * Move to this second. An element that has loaded nothing begins to load there. WebKitGTK does not: it forgets a
 * position that is set before it has a source, and if it has to seek before it can play, its duration becomes 0. So it
 * moves then.
 */
export function moveTo(media, second) {
  moves.get(media)?.wait.abort();
  if (media.readyState > HTMLMediaElement.HAVE_NOTHING) return go(media, second);
  const wait = waitFor(media, second);
  if (KEEPS_EARLY_POSITION) media.currentTime = second;
  listen(media, KEEPS_EARLY_POSITION ? "loadedmetadata" : "canplay", wait.signal, () => {
    wait.abort();
    if (!KEEPS_EARLY_POSITION || !isLoaded(media, second)) go(media, second);
  });
}

/** Start to play. A refusal needs no message: the controls show that it is paused, and a failure fires `error`. */
export function play(media) {
  media.play().catch(() => {});
}

function waitFor(media, second) {
  const wait = new AbortController();
  moves.set(media, { second, wait });
  wait.signal.addEventListener("abort", () => moves.delete(media));
  return wait;
}

function go(media, second) {
  if (isLoaded(media, second)) media.currentTime = second;
  else loadUpTo(media, second);
}

/** False only where the browser took what it had loaded for the whole. */
function isLoaded(media, second) {
  if (media.duration < Math.min(second, lengthOf(media)) - NEAR_SECONDS) return false;
  return !growing.has(media) || fromTimeRanges(media.buffered).some(([start, end]) => start <= second && second < end);
}

/** The end of the last part that is loaded, in seconds; 0 if nothing is. */
function loadedEnd({ buffered }) {
  return fromTimeRanges(buffered).at(-1)?.[1] ?? 0;
}

/** Move near the end of what is loaded, again each time that more is, until `second` is reached or the person seeks. */
function loadUpTo(media, second) {
  const wait = waitFor(media, second);
  let place = media.currentTime;
  const step = () => {
    const isThere = isLoaded(media, second);
    const next = isThere ? second : Math.min(Math.max(place, loadedEnd(media) - EDGE_SECONDS), second);
    if (next !== place || isThere) media.currentTime = place = next;
    if (isThere) wait.abort();
  };
  listen(media, "durationchange progress", wait.signal, step);
  listen(media, "emptied", wait.signal, () => wait.abort());
  listen(media, "seeking", wait.signal, () => Math.abs(media.currentTime - place) > NEAR_SECONDS && wait.abort());
  step();
}
