/*
 * The right-hand pane: one recording with its name, its files, its player, and the buttons that act on it.
 */

import { copyLink, download } from "./actions.js";
import { Comfort } from "./comfort.js";
import { el, find, listen } from "./dom.js";
import { dayAndClock, duration, size } from "./format.js";
import { Renaming } from "./renaming.js";
import { moveTo, play } from "./playback.js";
import { strings } from "./strings.js";
import { titleOf } from "./titles.js";
import { explain } from "./trouble.js";
import { Viewer } from "./viewer.js";

const BEST_FIRST = ["video", "audio", "image"];

export class Deck {
  #gateway;
  #recording = null;
  #segments = [];
  #file = null;
  #viewer = null;
  #renaming;
  #comfort;

  /** `removal` and `sharing` are dialogs; `renamed(id, name)` is called after the recording was renamed. */
  constructor(gateway, { removal, sharing, renamed }, signal) {
    this.#gateway = gateway;
    this.#renaming = new Renaming(gateway, (name) => this.#renamed(name, renamed), signal);
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

  /** Show the recording; `at` is the second to begin at, null for where this browser left it. */
  open(recording, segments, at = null) {
    this.close();
    this.#recording = recording;
    this.#segments = segments;
    this.#showHead();
    // A file without a size has not arrived yet.
    const there = recording.media_files.filter((file) => file.file_size_bytes !== null);
    const files = there.sort((one, other) => BEST_FIRST.indexOf(one.type) - BEST_FIRST.indexOf(other.type));
    this.#offerFiles(files);
    if (files.length > 0) this.#play(files[0], at);
    else this.#show(strings.deck.noFiles, false);
  }

  /** Play from this second of the open recording. */
  seek(second) {
    if (this.media === null) return;
    moveTo(this.media, second);
    play(this.media);
  }

  close() {
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

  #renamed(name, renamed) {
    this.#recording.name = name;
    this.#showTitle();
    renamed(this.#recording.id, name);
  }

  #offerFiles(files) {
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
    for (const choice of find("files").querySelectorAll("button")) {
      choice.ariaPressed = String(Number(choice.dataset.id) === file.id);
    }
    const recordingId = this.#recording.id;
    this.#viewer = new Viewer(file, {
      label: this.#label(file),
      segments: this.#segments,
      source: { mint: () => this.#gateway.playbackUrl(recordingId, file.id), check: (url) => this.#gateway.check(url) },
      cover: this.#cover(),
      waveform: (signal) => this.#gateway.waveform(recordingId, file.id, signal),
      report: (trouble) => this.#report(trouble),
    });
    this.#accompany(file, at);
  }

  /** A function that gets the URL of the recording's image, which a video shows until it plays; null without one. */
  #cover() {
    const image = this.#recording.media_files.find((file) => file.type === "image" && file.file_size_bytes !== null);
    return image ? () => this.#gateway.playbackUrl(this.#recording.id, image.id) : null;
  }

  #accompany(file, at) {
    const { media } = this;
    if (media === null) return;
    this.#comfort.accompany(media, {
      place: `${this.#recording.id}/${file.id}`,
      title: titleOf(this.#recording),
      bins: () => this.#viewer.bins,
      startAt: at,
    });
    if (at !== null) play(media);
  }

  #label(file) {
    const when = dayAndClock(new Date(this.#recording.created_at));
    return file.type === "image" ? strings.deck.imageOf(when) : strings.deck.mediaOf(strings.kind[file.type], when);
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
    const [at, { playing }] = [this.media?.currentTime ?? 0, this.#viewer];
    this.#play(this.#file);
    if (this.media !== null) moveTo(this.media, at);
    if (playing) play(this.media);
  }
}

function origin({ source, status, error_message: error, media_files: files }) {
  const only = files.length === 1 ? [describe(files[0])] : [];
  const outcome = error === null ? strings.status[status] : `${strings.status[status]}: ${error}`;
  return [strings.source[source], ...(status === "completed" ? [] : [outcome]), ...only].join(" · ");
}

function describe(file) {
  const { width, height } = file.metadata ?? {};
  const dimensions = width && height && `${width} × ${height}`;
  const length = file.duration_seconds !== null && duration(file.duration_seconds);
  const bytes = size(file.file_size_bytes ?? NaN);
  return [`${strings.kind[file.type]} ${file.format}`, dimensions, length, bytes].filter(Boolean).join(" · ");
}
