/*
 * Keyboard shortcuts: one table from keys to their actions on the media element. An element that needs a key itself,
 * such as a text field, gets it instead.
 */

import { nextPicture } from "./pictures.js";
import { lengthOf, moveTo, play, positionOf } from "./seeking.js";
import { nextSpeed } from "./speed.js";

const ARROW_SECONDS = 5;
/** A step of sound is long enough to be heard; a step of a video is a picture. */
const STEP_SECONDS = 0.1;

const KEYS = {
  ...Array.from({ length: 10 }, (_, tenth) => (media) => seekToTenth(media, tenth)),
  " ": (media) => (media.paused ? play(media) : media.pause()),
  ArrowLeft: (media) => seekTo(media, positionOf(media) - ARROW_SECONDS),
  ArrowRight: (media) => seekTo(media, positionOf(media) + ARROW_SECONDS),
  ",": (media) => step(media, -1),
  ".": (media) => step(media, 1),
  "<": (media) => (media.playbackRate = nextSpeed(media.playbackRate, -1)),
  ">": (media) => (media.playbackRate = nextSpeed(media.playbackRate, 1)),
};

/** Listen on the whole page. `current()` returns the media element or null, `enabled()` whether shortcuts are on. */
export function listenToKeys({ current, enabled }) {
  document.addEventListener("keydown", (event) => {
    const [media, act] = [current(), KEYS[event.key]];
    if (media === null || act === undefined || !enabled() || belongsToFocus(event)) return;
    // Native controls that have the focus would otherwise do the same a second time.
    event.preventDefault();
    act(media);
  });
}

function belongsToFocus(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return true;
  if (event.target.closest("input, select, textarea")) return true;
  // Native controls act when the space key is released, even if its keydown was handled.
  return event.key === " " && event.target.closest("button, summary, audio, video") !== null;
}

function step(media, direction) {
  media.pause();
  const isVideo = media.tagName === "VIDEO";
  seekTo(media, isVideo ? nextPicture(media, direction) : media.currentTime + direction * STEP_SECONDS);
}

/** A length that only the browser finds out is not known at first: the key takes effect once it is. */
function seekToTenth(media, tenth) {
  const seek = () => seekTo(media, (tenth / 10) * lengthOf(media));
  if (Number.isFinite(lengthOf(media))) seek();
  else media.addEventListener("loadedmetadata", seek, { once: true });
}

function seekTo(media, seconds) {
  const length = lengthOf(media);
  const end = Number.isFinite(length) ? length : Infinity;
  if (Number.isFinite(seconds)) moveTo(media, Math.min(end, Math.max(0, seconds)));
}
