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
/** A browser that has nothing to load, and has reported nothing new for this long, plays no more of the file. */
const QUIET_MS = 5000;
/** At its very end an element would have ended, and play() would begin at 0. */
const EDGE_SECONDS = 0.2;
/** How often a seek is repeated that ended before a place that is loaded. */
const REPEATS = 3;

/** The catalogue's length of an element, in seconds; null if it has none. */
const lengths = new WeakMap();
/** Elements whose browser took what it had loaded for the whole. */
const growing = new WeakSet();
/** Where an element is to be, until it is there: { second, wait }. Aborting `wait` ends that. */
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
    if (!isWhole && isNear(media.duration, loadedEnd(media))) growing.add(media);
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

/** Whether the element is on its way to `positionOf`. */
export function isMoving(media) {
  return moves.has(media);
}

/**
 * Move to this second. An element that has loaded nothing begins to load there. WebKitGTK does not: it forgets a
 * position that is set before it has a source, and if it has to seek before it can play, its duration becomes 0. So it
 * moves then.
 */
export function moveTo(media, second) {
  moves.get(media)?.wait.abort();
  const wait = new AbortController();
  moves.set(media, { second, wait });
  wait.signal.addEventListener("abort", () => moves.delete(media));
  const approach = () => approachPlace(media, second, wait);
  if (media.readyState > HTMLMediaElement.HAVE_NOTHING) return approach();
  if (KEEPS_EARLY_POSITION) media.currentTime = second;
  media.addEventListener(KEEPS_EARLY_POSITION ? "loadedmetadata" : "canplay", approach, {
    once: true,
    signal: wait.signal,
  });
}

/** Start to play. A refusal needs no message: the controls show that it is paused, and a failure fires `error`. */
export function play(media) {
  media.play().catch(() => {});
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

function isNear(one, other) {
  return Math.abs(one - other) < NEAR_SECONDS;
}

/**
 * Move to `second`, or near the end of what the browser knows, again each time that it knows more. `wait` is aborted
 * there, if the person seeks, or if the browser plays no more of the file.
 */
function approachPlace(media, second, wait) {
  let [wanted, place, quiet, playing, repeats] = [NaN, media.currentTime, null, !media.paused, REPEATS];
  const go = (next) => {
    wanted = next;
    const hasRunOut = playing && media.ended;
    if (media.currentTime !== next) media.currentTime = next;
    place = media.currentTime; // Firefox goes to the end of what it has loaded now; by `seeked` it may have loaded more
    const isShort = place < Math.min(second, lengthOf(media)) - NEAR_SECONDS;
    if (isShort && isNear(place, loadedEnd(media))) growing.add(media);
    if (hasRunOut) play(media);
  };
  const giveUp = () => {
    const mayGoOn = media.networkState !== HTMLMediaElement.NETWORK_IDLE || media.seeking || media.error !== null;
    if (mayGoOn) quiet = setTimeout(giveUp, QUIET_MS);
    else wait.abort();
  };
  const step = () => {
    // Firefox may report what it has loaded a moment before it lets anybody seek there.
    const fellShort = !media.seeking && place < Math.min(second, lengthOf(media)) - NEAR_SECONDS;
    if (isLoaded(media, second) && (wanted !== second || (fellShort && repeats-- > 0))) go(second);
    if (isLoaded(media, second)) {
      // It is there, or cannot seek at all.
      if (!media.seeking && media.error === null) wait.abort();
      return;
    }
    const end = growing.has(media) ? loadedEnd(media) : media.duration;
    const next = Math.min(Math.max(place, end - EDGE_SECONDS), second);
    if (!media.seeking && next !== place) go(next);
  };
  const isOurs = () => [place, loadedEnd(media)].some((ours) => isNear(media.currentTime, ours));
  wait.signal.addEventListener("abort", () => clearTimeout(quiet));
  listen(media, "durationchange progress", wait.signal, () => {
    clearTimeout(quiet);
    quiet = setTimeout(giveUp, QUIET_MS);
    step();
  });
  listen(media, "seeked", wait.signal, step);
  listen(media, "play", wait.signal, () => (playing = true));
  // A browser that plays to the end of what it has loaded pauses there. The event may arrive after `go` plays again.
  listen(media, "pause", wait.signal, () => (playing = media.ended || !media.paused));
  listen(media, "seeking", wait.signal, () => isOurs() || media.error !== null || wait.abort());
  listen(media, "emptied", wait.signal, () => wait.abort());
  quiet = setTimeout(giveUp, QUIET_MS);
  step();
}
