/*
 * The byte map: which parts of the file the browser holds now, which it held before, and where the listener is.
 *
 * Browsers report in seconds what they hold. The map shows the same share of the file's bytes: exact for a constant
 * bit rate, close otherwise. Requests are not counted: Resource Timing omits those that the browser aborted
 * (Chromium 156: 3 entries for 7 requests), and a wrong number is worse than none.
 */

import { listen, svg } from "./dom.js";
import { size } from "./format.js";
import { fromTimeRanges, total, union } from "./intervals.js";
import { seekByPointer } from "./scrub.js";
import { lengthOf } from "./seeking.js";
import { strings } from "./strings.js";

const WIDTH = 1000;
const HEIGHT = 40;
const EVENTS = "progress timeupdate seeking seeked loadedmetadata durationchange suspend";

export class ByteMap {
  #media;
  #caption;
  #sizeBytes;
  #held = svg("g", { class: "held" });
  #before = svg("g", { class: "before" });
  #head = svg("rect", { class: "head", y: 0, width: 3, height: HEIGHT });
  #seen = [];

  /** Draw into `drawing` (an SVG) and say the same in `caption`, until `signal` ends it. */
  constructor(media, { drawing, caption, sizeBytes, signal }) {
    this.#media = media;
    this.#caption = caption;
    this.#sizeBytes = sizeBytes;
    drawing.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    drawing.replaceChildren(this.#before, this.#held, this.#head);
    listen(media, EVENTS, signal, () => this.#draw());
    seekByPointer(drawing, media, signal);
    caption.textContent = strings.byteMap.waiting;
  }

  /** While nothing is loaded (at first, and briefly when the link is renewed), the drawing stays as it is. */
  #draw() {
    const { currentTime, buffered, readyState } = this.#media;
    const duration = lengthOf(this.#media);
    if (readyState === HTMLMediaElement.HAVE_NOTHING || !(duration > 0)) return;
    const held = fromTimeRanges(buffered);
    this.#seen = union([...this.#seen, ...held]);
    this.#before.replaceChildren(...bars(this.#seen, duration));
    this.#held.replaceChildren(...bars(held, duration));
    this.#head.setAttribute("x", (currentTime / duration) * (WIDTH - 3));
    if (held.length > 0) this.#caption.textContent = this.#describe(total(held) / duration, held.length);
  }

  #describe(share, ranges) {
    const held = strings.byteMap.held(size(Math.min(1, share) * this.#sizeBytes), size(this.#sizeBytes));
    return `${held} · ${strings.byteMap.ranges(ranges)}`;
  }
}

function bars(intervals, duration) {
  const scale = WIDTH / duration;
  return intervals.map(([start, end]) =>
    svg("rect", { x: start * scale, y: 0, width: Math.max(1, (end - start) * scale), height: HEIGHT }),
  );
}
