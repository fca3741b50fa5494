/*
 * Records from the microphone with one button that starts and stops, and offers the takes that earlier pages left.
 */

import { el, find, listen } from "./dom.js";
import { strings } from "./strings.js";
import { Take } from "./takes.js";

/** A page that is closed or crashes loses at most this much. */
const PIECE_MS = 1000;

export class Microphone {
  #owner;
  #upload;
  #left;
  #recorder = null;
  #offered = new Set();

  /** `owner` as for `Take`; `upload(take)` is called with what was recorded. */
  constructor(owner, upload, signal) {
    [this.#owner, this.#upload, this.#left] = [owner, upload, signal];
    find("record").hidden = !("MediaRecorder" in window && navigator.mediaDevices);
    listen(find("record"), "click", signal, () => this.#toggle());
    signal.addEventListener("abort", () => this.#leave());
    this.#offerLeft();
  }

  get isRecording() {
    return this.#recorder !== null;
  }

  async #offerLeft() {
    for (const take of await Take.left(this.#owner)) {
      if (this.#left.aborted) take.release();
      else this.#offer(take);
    }
  }

  #offer(take) {
    const button = (words, act) => {
      const made = el("button", { type: "button" }, words);
      made.addEventListener("click", async () => {
        this.#offered.delete(take);
        for (const each of [keep, discard]) each.disabled = true;
        await act();
        item.remove();
      });
      return made;
    };
    const keep = button(strings.upload.keep, () => void this.#upload(take));
    const discard = button(strings.upload.discard, () => take.forget());
    const words = el("span", { class: "words" }, strings.upload.left);
    const item = el("li", {}, el("bdi", {}, take.name), words, keep, discard);
    find("uploads").append(item);
    this.#offered.add(take);
  }

  async #toggle() {
    if (this.#recorder !== null) return this.#recorder.stop();
    // Until the person has answered the browser's question, a second click would ask for another stream.
    find("record").disabled = true;
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true }).catch(() => null);
    const take = stream && (await Take.begin(this.#owner, strings.upload.recorded(new Date())));
    find("record").disabled = false;
    if (this.#left.aborted) {
      stream?.getTracks().forEach((track) => track.stop());
      return take?.release();
    }
    if (stream === null) return void (find("upload-total").textContent = strings.upload.noMicrophone);
    this.#recorder = new MediaRecorder(stream);
    this.#recorder.addEventListener("dataavailable", ({ data }) => take.add(data));
    this.#recorder.addEventListener("stop", () => this.#end(stream, take), { once: true });
    this.#recorder.start(PIECE_MS);
    find("record").textContent = strings.upload.stop;
    return undefined;
  }

  /** A person who signs out while they record does not want it: the next person at this browser must not find it. */
  #end(stream, take) {
    this.#recorder = null;
    for (const track of stream.getTracks()) track.stop();
    find("record").textContent = strings.upload.record;
    if (this.#left.aborted) take.forget();
    else this.#upload(take);
  }

  #leave() {
    this.#recorder?.stop();
    for (const take of this.#offered) take.release();
  }
}
