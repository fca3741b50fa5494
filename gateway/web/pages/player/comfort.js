/*
 * Conveniences for a media element: lock screen and headset keys (Media Session), its speed, the position and speed at
 * which this browser left each recording, a loop between two moments, skipping silence, and picture-in-picture.
 */

import { find, listen } from "./dom.js";
import { duration } from "./format.js";
import { lengthOf, moveTo, positionOf } from "./seeking.js";
import { SpeedChoice } from "./speed.js";
import { Stored } from "./stored.js";
import { strings } from "./strings.js";

const STEP_SECONDS = 10;
const REMEMBERED = 200;
const places = new Stored("localStorage", "seekgate.places");
/** A position this near to the beginning or the end is not remembered. */
const EDGE_SECONDS = 5;
const SAVE_EVERY_MS = 2000;
/** Levels (of 255) up to this are silence; shorter pauses than this are part of speech. */
const SILENT_LEVEL = 3;
const SHORTEST_SILENCE_SECONDS = 1.5;

export class Comfort {
  #accompanied = new AbortController();
  #loop = [];
  #speed;

  constructor(signal) {
    this.#speed = new SpeedChoice(find("speed"), (rate) => this.#setSpeed(rate), signal);
    listen(find("loop"), "click", signal, () => this.#markLoop());
    listen(find("pip"), "click", signal, togglePictureInPicture);
    signal.addEventListener("abort", () => this.leave());
  }

  /**
   * Accompany a media element until `leave`. `place` names what it plays, `position()` is where the person is, and
   * `bins()` returns the waveform so far.
   */
  accompany(media, { place, title, position, bins, startAt }) {
    this.#accompanied = new AbortController();
    const { signal } = this.#accompanied;
    this.#media = media;
    // The chosen speed applies to this file, too; keys and native controls change the choice.
    this.#setSpeed(this.#speed.rate);
    listen(media, "ratechange", signal, () => (this.#speed.rate = media.playbackRate));
    returnTo(media, place, startAt);
    let saved = 0;
    const keep = () => remember(place, media, position());
    listen(media, "timeupdate", signal, () => {
      this.#follow(bins());
      if (Date.now() - saved > SAVE_EVERY_MS) [saved] = [Date.now(), keep()];
    });
    listen(media, "pause ratechange", signal, keep);
    // A page that is hidden may be closed without another event.
    listen(window, "pagehide", signal, keep);
    listen(document, "visibilitychange", signal, () => document.hidden && keep());
    find("pip").hidden = media.tagName !== "VIDEO" || !document.pictureInPictureEnabled;
    this.#showLoop();
    announce(media, title);
  }

  leave() {
    this.#accompanied.abort();
    this.#media = null;
    this.#loop = [];
    if ("mediaSession" in navigator) navigator.mediaSession.metadata = null;
  }

  #media = null;

  #setSpeed(rate) {
    if (this.#media !== null) this.#media.playbackRate = rate;
  }

  /** At each `timeupdate`, return from the end of a loop, and skip silence. */
  #follow({ bins, seconds_covered: covered }) {
    const media = this.#media;
    if (media === null || media.paused || media.seeking) return;
    const [from, to] = this.#loop;
    if (to !== undefined && media.currentTime >= to) media.currentTime = from;
    else if (find("skip-silence").checked && covered > 0) {
      const end = endOfSilence(bins, covered, media.currentTime);
      if (end !== null) media.currentTime = end;
    }
  }

  /** The first press sets one end of the loop, the second the other end, the third turns it off. */
  #markLoop() {
    if (this.#media === null) return;
    const now = this.#media.currentTime;
    if (this.#loop.length === 2) this.#loop = [];
    else this.#loop = [...this.#loop, now].sort((one, other) => one - other);
    this.#showLoop();
  }

  #showLoop() {
    const words = [strings.deck.loop, strings.deck.loopFrom, strings.deck.loopBetween][this.#loop.length];
    find("loop").textContent = typeof words === "string" ? words : words(...this.#loop.map(duration));
    find("loop").ariaPressed = String(this.#loop.length === 2);
  }
}

/** The end of the silence around `second`; null if there is none, or if it is too short to skip. */
export function endOfSilence(bins, covered, second) {
  const width = covered / bins.length;
  const first = Math.ceil(second / width);
  let last = first;
  while (last < bins.length && bins[last] <= SILENT_LEVEL) last += 1;
  const end = last * width;
  return end - second >= SHORTEST_SILENCE_SECONDS ? end : null;
}

async function togglePictureInPicture() {
  try {
    if (document.pictureInPictureElement) await document.exitPictureInPicture();
    else await document.querySelector("#screen video").requestPictureInPicture();
  } catch {
    // The browser refuses (no gesture, no video yet): nothing changes.
  }
}

function returnTo(media, place, startAt) {
  const { at, rate } = places.table[place] ?? {};
  if (rate) media.playbackRate = rate;
  const second = startAt ?? at ?? 0;
  if (second > 0) moveTo(media, second);
}

/** Remember the newest positions and speeds. Near either end of a recording, the position counts as its beginning. */
function remember(place, media, position) {
  const { playbackRate } = media;
  if (media.readyState === HTMLMediaElement.HAVE_NOTHING) return;
  const { [place]: before, ...others } = places.table;
  // A browser may end before the catalogue does: it plays the first link of a chained Ogg file.
  const isOver = media.ended || position > lengthOf(media) - EDGE_SECONDS;
  const inside = position > EDGE_SECONDS && !isOver;
  const kept = inside || playbackRate !== 1 ? { [place]: { at: inside ? position : 0, rate: playbackRate } } : {};
  if (before === undefined && kept[place] === undefined) return;
  const newest = Object.entries({ ...others, ...kept }).slice(-REMEMBERED);
  places.table = Object.fromEntries(newest);
}

/** Set the title and the buttons of the lock screen. */
function announce(media, title) {
  if (!("mediaSession" in navigator)) return;
  const session = navigator.mediaSession;
  session.metadata = new MediaMetadata({ title, artist: strings.product });
  const handlers = {
    play: () => media.play(),
    pause: () => media.pause(),
    seekbackward: ({ seekOffset }) => moveTo(media, positionOf(media) - (seekOffset ?? STEP_SECONDS)),
    seekforward: ({ seekOffset }) => moveTo(media, positionOf(media) + (seekOffset ?? STEP_SECONDS)),
    seekto: ({ seekTime }) => moveTo(media, seekTime),
  };
  for (const [action, act] of Object.entries(handlers)) session.setActionHandler(action, act);
}
