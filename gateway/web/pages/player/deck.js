/*
 * The right-hand pane: one recording with its name, its files, its player, and the buttons that act on it.
 */

import { copyLink, download } from "./actions.js";
import { Comfort } from "./comfort.js";
import { el, find, listen } from "./dom.js";
import { dayAndClock } from "./format.js";
import { Removal } from "./removal.js";
import { Renaming } from "./renaming.js";
import { moveTo, play } from "./seeking.js";
import { Sharing } from "./share.js";
import { strings } from "./strings.js";
import { describe, labelOf, origin, titleOf } from "./titles.js";
import { Transcript } from "./transcript.js";
import { explain } from "./trouble.js";
import { Viewer } from "./viewer.js";

const BEST_FIRST = ["video", "audio", "image"];

export class Deck {
  #gateway;
  #recording = null;
  #segments = [];
  #file = null;
  #viewer = null;
  #transcript = new Transcript(find("lines"));
  #shown = new AbortController();
  #renaming;
  #comfort;

  /**
   * `shown.renamed(id, name)` is called after the recording was renamed; `shown` hides and restores recordings as
   * `Removal` wants.
   */
  constructor(gateway, shown, signal) {
    this.#gateway = gateway;
    this.#renaming = new Renaming(gateway, (name) => this.#renamed(name, shown), signal);
    const [removal, sharing] = [new Removal(gateway, shown, signal), new Sharing(gateway, signal)];
    this.#comfort = new Comfort(signal);
    const on = (id, act) => listen(find(id), "click", signal, act);
    on("download", () => download(this.#gateway, this.#recording, this.#file));
    on("copy", () => copyLink(this.#gateway, this.#recording, this.#file));
    on("remove", () => removal.ask(this.#recording));
    on("share", () => sharing.open(this.#recording, this.media?.currentTime ?? null));
    on("retry", () => this.#retry());
    signal.addEventListener("abort", () => this.close());
  }

  /** The media element that is open, or null. */
  get media() {
    return this.#viewer?.media ?? null;
  }

  /** The id of the open recording, or null. */
  get recordingId() {
    return this.#recording?.id ?? null;
  }

  /**
   * Show the recording; `at` is the second to begin at, null for where this browser left it. Returns a signal that
   * aborts when it is no longer shown.
   */
  open(recording, segments, at = null) {
    this.close();
    this.#shown = new AbortController();
    this.#recording = recording;
    this.#say(segments);
    this.#showHead();
    this.#offerFiles();
    if (this.#files.length > 0) this.#play(this.#files[0], at);
    else this.#show(strings.deck.noFiles, false);
    return this.#shown.signal;
  }

  /** Show what has changed: the recording, its files, what was said; null for neither. What plays is not disturbed. */
  update(newest, segments) {
    if (segments !== null) this.#say(segments);
    if (newest === null) return;
    const before = this.#files.length;
    const { name, etag, ...others } = newest;
    this.#renaming.update(name, etag);
    Object.assign(this.#recording, others);
    find("deck-origin").textContent = origin(this.#recording);
    if (this.#files.length === before) return;
    this.#offerFiles();
    if (this.#file === null) this.#play(this.#files[0]);
    else this.#markFile();
  }

  /** Play from this second of the open recording. */
  seek(second) {
    if (this.media === null) return;
    moveTo(this.media, second);
    play(this.media);
  }

  close() {
    this.#shown.abort();
    this.#transcript.show([]);
    this.#comfort.leave();
    this.#viewer?.close();
    [this.#viewer, this.#recording, this.#file] = [null, null, null];
    find("deck-open").hidden = true;
    find("deck-none").hidden = false;
    document.title = strings.product;
  }

  #showHead() {
    find("deck-clock").textContent = dayAndClock(new Date(this.#recording.created_at));
    find("deck-clock").dateTime = this.#recording.created_at;
    find("deck-origin").textContent = origin(this.#recording);
    this.#renaming.show(this.#recording);
    this.#showTitle();
    find("deck-none").hidden = true;
    find("deck-open").hidden = false;
  }

  #showTitle() {
    document.title = `${titleOf(this.#recording)} – ${strings.product}`;
  }

  #renamed(name, shown) {
    this.#recording.name = name;
    this.#showTitle();
    shown.renamed(this.#recording.id, name);
  }

  /** The files, the best one first. */
  get #files() {
    const rank = ({ type }) => BEST_FIRST.indexOf(type);
    return [...this.#recording.media_files].sort((one, other) => rank(one) - rank(other));
  }

  #say(segments) {
    this.#segments = segments;
    this.#transcript.show(segments);
    this.#viewer?.say(segments);
  }

  #offerFiles() {
    const files = this.#files;
    const choices = files.map((file) => {
      const choice = el("button", { type: "button", "data-id": file.id }, describe(file));
      choice.addEventListener("click", () => this.#play(file));
      return el("li", {}, choice);
    });
    find("files").replaceChildren(...choices);
    find("files").hidden = files.length < 2;
    find("player").hidden = files.length === 0;
    for (const id of ["download", "copy", "share"]) find(id).hidden = files.length === 0;
  }

  #play(file, at = null) {
    this.#comfort.leave();
    this.#viewer?.close();
    this.#file = file;
    find("deck-trouble").hidden = true;
    this.#markFile();
    const recordingId = this.#recording.id;
    this.#viewer = new Viewer(file, {
      label: labelOf(this.#recording, file),
      segments: this.#segments,
      transcript: this.#transcript,
      newLink: () => this.#gateway.playbackUrl(recordingId, file.id),
      cover: this.#cover(),
      waveform: (signal) => this.#gateway.waveform(recordingId, file.id, signal),
      captions: async (signal) => URL.createObjectURL(await this.#gateway.captions(recordingId, signal)),
      report: (trouble) => this.#report(trouble),
    });
    this.#accompany(file, at);
  }

  #markFile() {
    for (const choice of find("files").querySelectorAll("button")) {
      choice.ariaPressed = String(Number(choice.dataset.id) === this.#file.id);
    }
  }

  /** A function that gets the URL of the recording's image, which a video shows until it plays; null without one. */
  #cover() {
    const image = this.#recording.media_files.find(({ type }) => type === "image");
    return image ? () => this.#gateway.playbackUrl(this.#recording.id, image.id) : null;
  }

  #accompany(file, at) {
    const { media } = this;
    if (media === null) return;
    this.#comfort.accompany(media, {
      place: `${this.#recording.id}/${file.id}`,
      title: titleOf(this.#recording),
      position: () => this.#viewer.position,
      bins: () => this.#viewer.bins,
      startAt: at,
    });
    if (at !== null) play(media);
  }

  #report(trouble) {
    if (trouble === undefined) find("deck-trouble").hidden = true;
    else if (trouble === null) this.#show(strings.trouble.unplayable(this.#file.format), false);
    else this.#show(explain(trouble), true);
  }

  #show(words, canRetry) {
    find("deck-trouble-text").textContent = words;
    find("retry").hidden = !canRetry;
    find("deck-trouble").hidden = false;
  }

  #retry() {
    const { playing, position } = this.#viewer;
    this.#play(this.#file);
    if (this.media !== null) moveTo(this.media, position);
    if (playing) play(this.media);
  }
}
