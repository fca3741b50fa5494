/*
 * The waveform: how loud the recording is over its length, as far as the gateway has computed it.
 * The native controls stay next to it, so nobody has to see it in order to seek.
 */

import { listen, svg } from "./dom.js";
import { duration } from "./format.js";
import { seekByPointer } from "./scrub.js";
import { lengthOf } from "./seeking.js";
import { strings } from "./strings.js";

const WIDTH = 1000;
const HEIGHT = 100;
const BARS = 250;
const BAR_WIDTH = (WIDTH / BARS) * 0.6;
const HEAD_WIDTH = 2;
/** The least height of a bar: silence is drawn as a line, not as a gap. */
const LOWEST = 1.5;
/** A recording that is softer than this is drawn low, so that its noise is not magnified. */
const SOFT_LEVEL = 24;
const AGAIN_MS = 1000;

export class Waveform {
  #media;
  #caption;
  #shape = svg("path", { class: "shape", "stroke-width": BAR_WIDTH });
  #played = svg("path", { class: "played", "stroke-width": BAR_WIDTH, "clip-path": "url(#waveform-played)" });
  #past = svg("rect", { x: 0, y: 0, width: 0, height: HEIGHT });
  #head = svg("rect", { class: "head", y: 0, width: HEAD_WIDTH, height: HEIGHT });
  #known = { bins: [], seconds_covered: 0, complete: false };

  /** Draw into `drawing` (an SVG) and say in `caption` how far it is, until `signal` ends it. */
  constructor(media, { drawing, caption, signal }) {
    this.#media = media;
    this.#caption = caption;
    const clip = svg("clipPath", { id: "waveform-played" });
    clip.append(this.#past);
    drawing.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
    drawing.replaceChildren(clip, silence(), this.#shape, this.#played, this.#head);
    listen(media, "durationchange", signal, () => this.#draw());
    listen(media, "timeupdate seeking", signal, () => this.#follow());
    seekByPointer(drawing, media, signal);
    this.#draw();
  }

  /** Draw what `ask()` returns, and call it again until it is complete. Throws what `ask` throws. */
  async grow(ask, signal) {
    while (!this.#known.complete) {
      const known = await ask();
      if (signal.aborted) return;
      this.#known = known;
      this.#draw();
      if (!known.complete) await pause(AGAIN_MS);
    }
  }

  #draw() {
    const { bins, seconds_covered: covered, complete } = this.#known;
    // Without a duration, use the seconds that are covered so far.
    const seconds = lengthOf(this.#media) || covered;
    const share = seconds > 0 ? Math.min(1, covered / seconds) : 0;
    const path = bars(bins, Math.round(BARS * share));
    for (const layer of [this.#shape, this.#played]) layer.setAttribute("d", path);
    this.#caption.textContent = complete ? "" : progress(covered, seconds);
    this.#follow();
  }

  #follow() {
    const seconds = lengthOf(this.#media);
    const x = seconds > 0 ? (this.#media.currentTime / seconds) * WIDTH : 0;
    this.#past.setAttribute("width", x);
    this.#head.setAttribute("x", Math.min(x, WIDTH - HEAD_WIDTH));
  }
}

/** The line that is seen where nothing has been computed yet. */
function silence() {
  return svg("rect", { class: "silence", x: 0, y: (HEIGHT - LOWEST) / 2, width: WIDTH, height: LOWEST });
}

function progress(covered, seconds) {
  return covered > 0 ? strings.waveform.drawing(duration(covered), duration(seconds)) : strings.waveform.waiting;
}

/** The bins as `count` upright strokes, each as high as its loudest; the loudest of all fills the height. */
function bars(bins, count) {
  const loudest = Math.max(SOFT_LEVEL, ...bins);
  const bar = (_, index) => {
    const part = bins.slice(Math.floor((index * bins.length) / count), Math.ceil(((index + 1) * bins.length) / count));
    const half = Math.max(LOWEST, (Math.max(0, ...part) / loudest) * HEIGHT) / 2;
    const x = ((index + 0.5) * WIDTH) / BARS;
    return `M${x} ${(HEIGHT / 2 - half).toFixed(1)}v${(half * 2).toFixed(1)}`;
  };
  return Array.from({ length: bins.length > 0 ? count : 0 }, bar).join("");
}

function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
