/*
 * Uploads of files that are dropped on the page, chosen, or recorded from the microphone. At most three are sent at a
 * time, each with its progress, a button that pauses it, and the API's own message if it is refused.
 */

import { el, find, listen } from "./dom.js";
import { size } from "./format.js";
import { Microphone } from "./microphone.js";
import { strings } from "./strings.js";
import { explain } from "./trouble.js";
import { Sending } from "./sending.js";

const AT_A_TIME = 3;
const TYPES = ["audio", "video", "image"];
/** The kind by the file's name, if the browser has no type for the file. */
const BY_SUFFIX = {
  audio: ["mp3", "m4a", "aac", "ogg", "oga", "opus", "flac", "wav", "weba"],
  video: ["mp4", "m4v", "mov", "mkv", "webm", "3gp"],
  image: ["png", "jpg", "jpeg", "gif", "webp"],
};

export class Uploads {
  #gateway;
  #changed;
  #waiting = [];
  #running = new Set();
  #microphone;

  /** `changed()` is called after a recording was added, or deleted because its file was refused. */
  constructor(gateway, { changed }, signal) {
    this.#gateway = gateway;
    this.#changed = changed;
    const chosen = find("upload-files");
    listen(chosen, "change", signal, () => {
      this.#add(chosen.files);
      chosen.value = "";
    });
    listen(find("upload"), "click", signal, () => chosen.click());
    this.#receiveDrops(signal);
    this.#microphone = new Microphone(gateway.owner, (take) => this.#add([take.file], take), signal);
    listen(window, "beforeunload", signal, (event) => {
      if (this.#running.size > 0 || this.#microphone.isRecording) event.preventDefault();
    });
    signal.addEventListener("abort", () => this.#leave());
  }

  #receiveDrops(signal) {
    const on = (name, act) => listen(document, name, signal, act);
    const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
    on("dragover", (event) => {
      if (!carriesFiles(event)) return;
      event.preventDefault();
      document.body.classList.add("dropping");
    });
    on("dragleave", (event) => event.relatedTarget === null && document.body.classList.remove("dropping"));
    on("drop", (event) => {
      document.body.classList.remove("dropping");
      if (!carriesFiles(event)) return;
      event.preventDefault();
      this.#add(event.dataTransfer.files);
    });
  }

  /** `take` is what the file was recorded as, if it was. */
  #add(files, take = null) {
    for (const row of [...files].map((file) => new Row(file, take))) {
      if (row.file.size > 0) this.#waiting.push(row);
      else row.refused(strings.upload.empty);
    }
    this.#next();
  }

  #next() {
    while (this.#running.size < AT_A_TIME && this.#waiting.length > 0) this.#send(this.#waiting.shift());
    this.#total();
  }

  async #send(row) {
    this.#running.add(row);
    const sending = new Sending(this.#gateway, row.file, typeOf(row.file), (sent) => {
      row.progress(sent);
      this.#total();
    });
    row.follow(sending);
    try {
      row.done(await sending.run());
      row.take?.forget();
      this.#changed();
    } catch (trouble) {
      if (trouble.name === "AbortError") return;
      row.refused(...(trouble.words ? apiWords(trouble.words) : [explain(trouble)]));
      this.#changed();
    } finally {
      this.#running.delete(row);
      this.#next();
    }
  }

  #total() {
    const rows = [...this.#running, ...this.#waiting];
    const whole = rows.reduce((sum, row) => sum + row.file.size, 0);
    const sent = rows.reduce((sum, row) => sum + row.sent, 0);
    const words = rows.length > 1 ? strings.upload.total(rows.length, size(sent), size(whole)) : "";
    find("upload-total").textContent = words;
  }

  #leave() {
    for (const row of [...this.#running, ...this.#waiting]) row.stop();
    this.#waiting = [];
    find("uploads").replaceChildren();
  }
}

/** One file in the list of uploads. */
class Row {
  sent = 0;
  #bar;
  #words = el("span", { class: "words" });
  #pause = el("button", { type: "button" }, strings.upload.pause);
  #item;
  #sending = null;

  constructor(file, take) {
    [this.file, this.take] = [file, take];
    this.#bar = el("progress", { max: Math.max(1, file.size), value: 0, "aria-label": file.name });
    this.#item = el("li", {}, el("bdi", {}, file.name), this.#bar, this.#words, this.#pause);
    this.#pause.disabled = true;
    this.#words.textContent = strings.upload.waiting;
    find("uploads").append(this.#item);
  }

  follow(sending) {
    this.#sending = sending;
    this.#pause.disabled = false;
    this.#pause.addEventListener("click", () => {
      const paused = sending.toggle();
      this.#pause.textContent = paused ? strings.upload.resume : strings.upload.pause;
    });
  }

  stop() {
    this.#sending?.stop();
    this.take?.release();
  }

  progress(sent) {
    this.sent = sent;
    this.#bar.value = sent;
    const whole = this.file.size;
    this.#words.textContent = sent < whole ? `${size(sent)} / ${size(whole)}` : strings.upload.checking;
  }

  done(recordingId) {
    this.#pause.remove();
    this.#bar.remove();
    this.#words.replaceChildren(el("a", { href: `#/recordings/${recordingId}` }, strings.upload.done));
  }

  /** Say why it is not sent: texts and elements. */
  refused(...words) {
    this.take?.release();
    this.#pause.remove();
    this.#bar.remove();
    this.#item.classList.add("trouble");
    this.#words.replaceChildren(...words);
  }
}

/** The API's own message, which is English in every language of the page. */
function apiWords(words) {
  return [`${strings.upload.refused} `, el("q", { lang: "en" }, words)];
}

/** `audio`, `video` or `image`: by the browser's type, else by the file's name. */
function typeOf({ type, name }) {
  const said = type.split("/")[0];
  if (TYPES.includes(said)) return said;
  const suffix = name.split(".").at(-1).toLowerCase();
  return TYPES.find((each) => BY_SUFFIX[each].includes(suffix)) ?? "audio";
}
