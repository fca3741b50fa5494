/*
 * Renaming in place: the title is a button that becomes a text field. Enter or leaving the field saves, Escape does not.
 * Of two people who rename at the same time the second gets a message and sees the first one's name.
 */

import { Refused } from "./api.js";
import { find } from "./dom.js";
import { strings } from "./strings.js";
import { titleOf } from "./titles.js";
import { toast } from "./toast.js";
import { explain } from "./trouble.js";

const CHANGED_MEANWHILE = 412;

export class Renaming {
  #gateway;
  #renamed;
  #recording = null;

  /** `renamed(name)` is called with each new name of the recording that is shown. */
  constructor(gateway, renamed, signal) {
    this.#gateway = gateway;
    this.#renamed = renamed;
    const field = find("deck-name");
    find("rename").addEventListener("click", () => this.#begin(), { signal });
    field.addEventListener("blur", () => this.#save(), { signal });
    field.addEventListener("keydown", (event) => {
      if (event.key === "Enter") field.blur();
      if (event.key === "Escape") this.#end();
    }, { signal });
  }

  show(recording) {
    this.#recording = recording;
    this.#end();
  }

  #begin() {
    const field = find("deck-name");
    field.value = this.#recording.name ?? "";
    [field.hidden, find("deck-title").hidden] = [false, true];
    field.select();
  }

  /** Hiding the field makes it lose the focus, which must not save again. */
  #end() {
    find("deck-title").textContent = titleOf(this.#recording);
    [find("deck-name").hidden, find("deck-title").hidden] = [true, false];
  }

  async #save() {
    const [recording, name] = [this.#recording, find("deck-name").value.trim()];
    if (find("deck-name").hidden) return;
    const before = recording.name;
    recording.name = name || null;
    this.#end();
    if (recording.name === before) return;
    try {
      Object.assign(recording, await this.#gateway.rename(recording.id, recording.name, recording.etag));
    } catch (trouble) {
      recording.name = before;
      await this.#explain(recording, trouble);
    }
    if (this.#recording !== recording) return;
    this.#end();
    this.#renamed(recording.name);
  }

  async #explain(recording, trouble) {
    if (!(trouble instanceof Refused && trouble.status === CHANGED_MEANWHILE)) return toast(explain(trouble));
    const { name, etag } = await this.#gateway.recording(recording.id);
    Object.assign(recording, { name, etag });
    return toast(strings.rename.changed);
  }
}
