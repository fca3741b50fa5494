/*
 * The transcript, line by line. Clicking a line seeks to it; the line that is being spoken is marked.
 * A segment is {start, text, speaker}, in seconds from the start.
 */

import { spokenAt } from "./chapters.js";
import { el, listen } from "./dom.js";
import { duration } from "./format.js";
import { moveTo } from "./seeking.js";

export class Transcript {
  #panel;
  #segments = [];
  #rows = [];
  #media = null;
  #spoken = null;

  /** Show lines in `panel`, a scrolling list. */
  constructor(panel) {
    this.#panel = panel;
  }

  /** Show these segments. Lines that do not change stay where they are, so that a person can go on reading. */
  show(segments) {
    const isShown = (segment, index) => isSame(segment, this.#segments[index]);
    const rows = segments.map((segment, index) => (isShown(segment, index) ? this.#rows[index] : this.#row(segment)));
    rows.forEach((row, index) => this.#put(row, this.#rows[index]));
    for (const row of this.#rows.slice(rows.length)) row.remove();
    [this.#segments, this.#rows] = [segments, rows];
    this.#panel.closest("section").hidden = segments.length === 0;
    this.#mark();
  }

  /** Follow this media element until `signal` ends it. Without one, a line cannot be played. */
  follow(media, signal) {
    this.#use(media);
    listen(media, "timeupdate seeking", signal, () => this.#mark());
    signal.addEventListener("abort", () => this.#use(null));
  }

  #use(media) {
    this.#media = media;
    for (const row of this.#rows) row.firstChild.ariaDisabled = String(media === null);
    this.#mark();
  }

  #put(row, before) {
    if (row === before) return;
    const hasFocus = before?.contains(document.activeElement);
    if (before) before.replaceWith(row);
    else this.#panel.append(row);
    if (hasFocus) row.firstChild.focus({ preventScroll: true });
  }

  #mark() {
    const spoken = this.#media && this.#rows[spokenAt(this.#segments, this.#media.currentTime)];
    if (spoken === this.#spoken) return;
    this.#spoken?.removeAttribute("aria-current");
    spoken?.setAttribute("aria-current", "true");
    this.#spoken = spoken;
    if (spoken && !this.#media.paused && !this.#panel.matches(":hover, :focus-within")) this.#reveal(spoken);
  }

  /** Scroll only the panel, never the page, and not while the person is reading in it. */
  #reveal(row) {
    this.#panel.scrollTop = row.offsetTop - this.#panel.clientHeight / 3;
  }

  #row({ start, text, speaker }) {
    const words = el("span", { class: "words", dir: "auto" }, text);
    const who = speaker ? [el("b", { dir: "auto" }, speaker)] : [];
    const button = el("button", { type: "button" }, el("time", {}, duration(start)), ...who, words);
    button.ariaDisabled = String(this.#media === null);
    button.addEventListener("click", () => this.#media !== null && moveTo(this.#media, start));
    return el("li", {}, button);
  }
}

function isSame(one, other) {
  return one.start === other?.start && one.text === other.text && one.speaker === other.speaker;
}
