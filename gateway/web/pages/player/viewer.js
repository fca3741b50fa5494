/*
 * One open media file: the element, its link, its counter, its waveform, its byte map, its captions.
 * `close` removes all its listeners.
 */

import { check, isMissing, isTemporary } from "./request.js";
import { ByteMap } from "./bytemap.js";
import { Chapters } from "./chapters.js";
import { el, find, listen } from "./dom.js";
import { duration, timecode } from "./format.js";
import { measurePictures } from "./pictures.js";
import { Playback } from "./playback.js";
import { expectLength, lengthOf } from "./seeking.js";
import { strings } from "./strings.js";
import { explain } from "./trouble.js";
import { Waveform } from "./waveform.js";

const AGAIN_MS = 2000;

export class Viewer {
  #closed = new AbortController();
  #playback = null;
  #chapters = null;
  #makeCaptions;
  #captioning = new AbortController();
  #captions = el("track", { kind: "captions", label: strings.deck.transcript });

  /** The audio or video element, or null for an image. */
  media = null;

  /**
   * `label` names the element for screen readers; `transcript` follows it; `newLink` makes links; `cover` makes one of
   * an image to show before a video plays, or is null; `waveform(signal)` asks for as much of it as there is;
   * `captions(signal)` makes a URL of what is said, as WebVTT; `report` gets troubles.
   */
  constructor(file, { label, segments, transcript, newLink, cover = null, waveform, captions, report }) {
    const element = makeElement(file.type, label);
    // The response to a request about this file may come when another one is shown.
    const reportUnlessClosed = (trouble) => this.#closed.signal.aborted || report(trouble);
    find("screen").replaceChildren(element);
    find("timing").hidden = file.type === "image";
    this.#makeCaptions = captions;
    if (file.type === "image") openImage(element, newLink, reportUnlessClosed);
    else this.#openMedia(element, { file, segments, transcript, newLink, waveform, report: reportUnlessClosed });
    if (file.type === "video" && cover !== null) cover().then(({ url }) => (element.poster = url), () => {});
  }

  /** Whether the person wants it to play, although it may have failed. */
  get playing() {
    return this.#playback?.playing ?? false;
  }

  /** Where the person is, in seconds. */
  get position() {
    return this.#playback?.position ?? 0;
  }

  /** The bins of the waveform computed so far, and how many seconds they cover. */
  bins = { bins: [], seconds_covered: 0 };

  close() {
    this.#closed.abort();
    this.#captioning.abort();
    this.#playback?.stop();
    URL.revokeObjectURL(this.#captions.src);
    find("screen").replaceChildren();
  }

  /** Show these segments below the waveform, and as captions, which the browser's own controls can switch on. */
  say(segments) {
    this.#chapters?.show(segments);
    if (this.media?.tagName === "VIDEO" && segments.length > 0) this.#caption();
  }

  /** Without captions, what was said can be read in the transcript. Those of an earlier moment may arrive later. */
  async #caption() {
    this.media.append(this.#captions);
    this.#captioning.abort();
    const { signal } = (this.#captioning = new AbortController());
    const url = await this.#makeCaptions(signal).catch(() => null);
    if (url === null || signal.aborted) return;
    URL.revokeObjectURL(this.#captions.src);
    this.#captions.src = url;
  }

  #openMedia(media, { file, segments, transcript, newLink, waveform, report }) {
    const { signal } = this.#closed;
    this.media = media;
    expectLength(media, file.duration_seconds);
    followCounter(media, signal);
    if (media.tagName === "VIDEO") measurePictures(media, signal);
    transcript.follow(media, signal);
    const ask = async () => (this.bins = await waveform(signal));
    this.#chapters = openWaveform(media, { signal, ask });
    this.say(segments);
    new ByteMap(media, {
      drawing: find("byte-map"),
      caption: find("byte-map-caption"),
      sizeBytes: file.file_size_bytes ?? NaN,
      signal,
    });
    this.#playback = new Playback(media, newLink, report);
    this.#playback.start();
  }
}

function makeElement(type, label) {
  if (type === "image") return el("img", { alt: label });
  return el(type, { controls: true, playsinline: true, preload: "metadata", "aria-label": label });
}

async function openImage(image, newLink, report) {
  try {
    image.src = (await newLink()).url;
    await image.decode();
  } catch (trouble) {
    if (!(trouble instanceof DOMException)) return report(trouble);
    // The browser does not say why: the link may have expired, or else the bytes are not an image that it knows.
    report(await check(image.src).then(() => null, (cause) => cause));
  }
}

function openWaveform(media, { ask, signal }) {
  const [figure, drawing, lane, caption] = ["waveform-figure", "waveform", "chapters", "waveform-caption"].map(find);
  figure.hidden = false;
  const shape = new Waveform(media, { drawing, caption, signal });
  growWaveform(shape, ask, { figure, caption, signal });
  return new Chapters(media, { lane, pointed: [drawing, lane], words: find("pointed"), signal });
}

/** Draw the waveform. It is hidden if the file has none (404); other errors are shown with it. */
async function growWaveform(shape, ask, { figure, caption, signal }) {
  try {
    await shape.grow(ask, signal);
  } catch (trouble) {
    if (signal.aborted) return;
    if (isMissing(trouble)) figure.hidden = true;
    else caption.textContent = explain(trouble);
    if (!isTemporary(trouble)) return;
    const again = () => growWaveform(shape, ask, { figure, caption, signal });
    setTimeout(again, Math.max(AGAIN_MS, trouble.retryMs));
  }
}

/** Keep the big counter current. */
function followCounter(media, signal) {
  const show = () => {
    find("counter").textContent = timecode(media.currentTime);
    find("counter-end").textContent = duration(lengthOf(media));
  };
  listen(media, "timeupdate seeking durationchange", signal, show);
  show();
}
