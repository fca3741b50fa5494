/*
 * The chapters: the transcript's segments as a lane under the waveform, and the words under the pointer.
 * A segment is {start, end, text, speaker}, in seconds from the start.
 */

import { listen, svg } from "./dom.js";
import { duration } from "./format.js";
import { secondAt, seekByPointer } from "./scrub.js";
import { lengthOf } from "./seeking.js";

const WIDTH = 1000;
const HEIGHT = 10;
const GAP = 2;

export class Chapters {
  #media;
  #segments = [];
  #lane;
  #blocks = [];
  #spoken = -1;

  /** Draw into `lane` (an SVG), and show in `words` what is said at the pointer's position on one of `pointed`. */
  constructor(media, { lane, pointed, words, signal }) {
    this.#media = media;
    this.#lane = lane;
    lane.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    listen(media, "loadedmetadata durationchange", signal, () => this.#draw());
    listen(media, "timeupdate seeking", signal, () => this.#follow());
    for (const drawing of pointed) {
      listen(drawing, "pointermove", signal, (event) => this.#show(words, event, drawing));
      listen(drawing, "pointerleave", signal, () => (words.textContent = ""));
    }
    seekByPointer(lane, media, signal);
    words.textContent = "";
  }

  show(segments) {
    this.#segments = segments;
    this.#lane.toggleAttribute("hidden", segments.length === 0);
    this.#draw();
  }

  #draw() {
    const scale = WIDTH / lengthOf(this.#media);
    this.#blocks = Number.isFinite(scale) ? this.#segments.map((segment) => block(segment, scale)) : [];
    this.#lane.replaceChildren(...this.#blocks);
    this.#spoken = -1;
    this.#follow();
  }

  #follow() {
    const spoken = spokenAt(this.#segments, this.#media.currentTime);
    if (spoken === this.#spoken) return;
    this.#blocks[this.#spoken]?.classList.remove("spoken");
    this.#blocks[spoken]?.classList.add("spoken");
    this.#spoken = spoken;
  }

  #show(words, event, drawing) {
    const second = secondAt(event, drawing, this.#media);
    const segment = this.#segments[spokenAt(this.#segments, second)];
    words.textContent = [duration(second), segment?.speaker, segment?.text].filter(Boolean).join(" · ");
  }
}

/** The index of the segment that is being spoken at this second: the last that has begun; -1 before the first. */
export function spokenAt(segments, second) {
  return segments.findLastIndex((segment) => segment.start <= second);
}

function block({ start, end }, scale) {
  return svg("rect", { x: start * scale, y: 0, width: Math.max(1, (end - start) * scale - GAP), height: HEIGHT });
}
