/*
 * The transcript, line by line. Clicking a line seeks to it; the line that is being spoken is marked.
 * A segment is {start, text, speaker}, in seconds from the start.
 */

import { spokenAt } from "./chapters.js";
import { el, listen } from "./dom.js";
import { duration } from "./format.js";

export class Transcript {
  #panel;
  #segments;
  #rows;
  #spoken = -1;

  /** Show the segments in `panel` (a scrolling list) and follow `media` until `signal` ends it. */
  constructor(panel, segments, media, signal) {
    this.#panel = panel;
    this.#segments = segments;
    this.#rows = segments.map((segment) => row(segment, media, signal));
    panel.replaceChildren(...this.#rows);
    listen(media, "timeupdate seeking", signal, () => this.#follow(media));
  }

  #follow(media) {
    const spoken = spokenAt(this.#segments, media.currentTime);
    if (spoken === this.#spoken) return;
    this.#rows[this.#spoken]?.removeAttribute("aria-current");
    this.#rows[spoken]?.setAttribute("aria-current", "true");
    this.#spoken = spoken;
    if (!media.paused && !this.#panel.matches(":hover, :focus-within")) this.#reveal(spoken);
  }

  /** Scroll only the panel, never the page, and not while the person is reading in it. */
  #reveal(spoken) {
    const row = this.#rows[spoken];
    if (row) this.#panel.scrollTop = row.offsetTop - this.#panel.clientHeight / 3;
  }
}

function row(segment, media, signal) {
  const time = el("time", {}, duration(segment.start));
  const words = el("span", { class: "words", dir: "auto" }, segment.text);
  const speaker = segment.speaker ? [el("b", { dir: "auto" }, segment.speaker)] : [];
  const button = el("button", { type: "button" }, time, ...speaker, words);
  button.addEventListener("click", () => (media.currentTime = segment.start), { signal });
  return el("li", {}, button);
}
