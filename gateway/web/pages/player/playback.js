/*
 * Plays a media element from a signed URL, and replaces the URL before it expires.
 * The caller makes links (`newLink`).
 *
 * A new link is made after three quarters of the lifetime. The element changes to it while paused or at a seek, when
 * the browser sends a new request anyway. If neither happens before the link expires, the element changes while
 * playing. An expiry does not cut a response that has begun, so a file that is buffered to its end needs no change. If
 * the computer slept past the expiry, the next range gets 403 and the element changes then.
 *
 * If the gateway is silent or busy, that is reported; once it answers again, playback continues at its position.
 * Browsers may try for half a minute before they fire `error`, so an element that has waited a while for bytes is
 * looked after, too.
 */

import { Refused, check, isTemporary } from "./request.js";
import { listen } from "./dom.js";
import { isMoving, moveTo, play, positionOf } from "./seeking.js";

const RENEW_AT = 0.75;
const CHANGE_AT = 0.92;
const SHORTEST_WAIT_MS = 1000;
const RETRY_MS = 2000;
const STARVED_MS = 2000;
const LONGEST_WATCH_MS = 60_000;
const LONGEST_WAIT_MS = 2 ** 31 - 1; // the largest delay that setTimeout accepts; a larger one fires immediately

export class Playback {
  #media;
  #newLink;
  #report;
  #link = null;
  #next = null;
  #timers = [];
  #playing = false;
  #unreachable = false;
  #retry = null;
  #starving = null;
  #reloadedAt = null;
  #heard = 0;
  #ended = new AbortController();

  /**
   * `report(trouble)` gets a Refused, an Unreachable, null when the browser cannot play the bytes, or undefined when
   * the gateway answers again.
   */
  constructor(media, newLink, report) {
    this.#media = media;
    this.#newLink = newLink;
    this.#report = report;
    const { signal } = this.#ended;
    listen(media, "error", signal, () => this.#recover());
    listen(media, "play", signal, () => (this.#playing = true));
    // A failing element pauses itself; the person did not pause it.
    listen(media, "pause", signal, () => (this.#playing = media.error !== null && this.#playing));
    listen(window, "online", signal, () => this.#unreachable && this.#recover());
    listen(media, "waiting seeking", signal, () => this.#watch());
    listen(media, "playing", signal, () => !this.#unreachable && this.#report(undefined));
    listen(media, "pause seeking", signal, () => this.#change());
    listen(media, "seeking timeupdate", signal, () => this.#keepPosition());
  }

  /** Whether the person wants it to play, although it may have failed. */
  get playing() {
    return this.#playing;
  }

  /** Where the person is, in seconds. If a seek fails for lack of a network, Firefox moves the element to its end. */
  get position() {
    return this.#media.error === null || isMoving(this.#media) ? positionOf(this.#media) : this.#heard;
  }

  #keepPosition() {
    const { currentTime, ended, error, readyState } = this.#media;
    if (error === null && !ended && readyState > HTMLMediaElement.HAVE_NOTHING) this.#heard = currentTime;
  }

  async start() {
    await this.#attempt(async () => this.#use(await this.#newLink()));
  }

  /** Find out why the element failed, and renew the link if that helps. */
  async #recover() {
    await this.#attempt(async () => {
      if (this.#link === null) return this.#use(await this.#newLink());
      const refusal = await check(this.#link.url).then(() => undefined, (trouble) => trouble);
      if (refusal === undefined) return this.#goOn();
      if (!(refusal instanceof Refused && refusal.status === 403)) throw refusal;
      const link = await this.#newLink();
      if (link.url === this.#link.url) throw refusal;
      return this.#use(link);
    });
  }

  /** The gateway answers, and the link works. */
  #goOn() {
    const failed = this.#media.error !== null;
    // An element that lost the network keeps its error, although the gateway may have answered again by now.
    if (this.#unreachable ? failed || this.#starves : failed && this.#lostTheNetwork()) this.#reload();
    else if (failed) this.#report(null);
    else this.#reached();
  }

  /** Check the link if the element still waits for bytes after a while, and again, later each time, while it waits. */
  #watch(wait = STARVED_MS) {
    clearTimeout(this.#starving);
    this.#starving = setTimeout(async () => {
      if (!this.#starves) return;
      await this.#recover();
      if (!this.#unreachable && !this.#ended.signal.aborted) this.#watch(Math.min(2 * wait, LONGEST_WATCH_MS));
    }, wait);
  }

  get #starves() {
    const { seeking, paused, readyState } = this.#media;
    return seeking || (!paused && readyState < HTMLMediaElement.HAVE_FUTURE_DATA);
  }

  #reached() {
    if (this.#unreachable) this.#report(undefined);
    this.#unreachable = false;
  }

  /** Whether loading again may help: it does not if it was already tried at this position. */
  #lostTheNetwork() {
    return this.#media.error.code === MediaError.MEDIA_ERR_NETWORK && this.#reloadedAt !== this.position;
  }

  #reload() {
    this.#reloadedAt = this.position;
    this.#use(this.#link);
  }

  /** Unload the media: an element that is not unloaded keeps one of the browser's few connections. */
  stop() {
    this.#ended.abort();
    for (const timer of [this.#retry, this.#starving, ...this.#timers]) clearTimeout(timer);
    this.#media.pause();
    this.#media.removeAttribute("src");
    this.#media.load();
  }

  /** Play from this link, at the position of the previous one. */
  #use(link) {
    if (this.#ended.signal.aborted) return;
    this.#reached();
    const { position } = this;
    const { playbackRate } = this.#media;
    this.#link = link;
    this.#next = null;
    this.#media.defaultPlaybackRate = playbackRate; // what loading falls back to
    this.#media.src = link.url;
    if (position > 0) moveTo(this.#media, position);
    if (this.#playing) play(this.#media);
    this.#schedule(link.lifetimeSeconds);
  }

  #schedule(lifetimeSeconds) {
    this.#timers.forEach(clearTimeout);
    const wait = (share) => Math.min(LONGEST_WAIT_MS, Math.max(SHORTEST_WAIT_MS, lifetimeSeconds * share * 1000));
    const renew = setTimeout(() => this.#renew(), wait(RENEW_AT));
    const change = setTimeout(() => this.#changeInTime(), wait(CHANGE_AT));
    this.#timers = [renew, change];
  }

  /** A failure here is not reported: the old link still plays, and the element fires `error` when it expires. */
  async #renew() {
    this.#next = await this.#newLink().catch(() => null);
    if (this.#media.paused) this.#change();
  }

  #change() {
    if (this.#next !== null) this.#use(this.#next);
  }

  #changeInTime() {
    if (this.#next !== null && holdsTheRest(this.#media)) this.#schedule(this.#next.lifetimeSeconds);
    else this.#change();
  }

  async #attempt(step) {
    try {
      await step();
    } catch (trouble) {
      if (this.#ended.signal.aborted) return;
      this.#report(trouble);
      if (!isTemporary(trouble)) return;
      this.#unreachable = true;
      clearTimeout(this.#retry);
      this.#retry = setTimeout(() => this.#recover(), Math.max(RETRY_MS, trouble.retryMs));
    }
  }
}

function holdsTheRest({ buffered, currentTime, duration }) {
  for (let index = 0; index < buffered.length; index += 1) {
    if (buffered.start(index) <= currentTime && buffered.end(index) >= duration - 0.1) return true;
  }
  return false;
}
