/*
 * Renaming in place: the title becomes a text field. Enter, the button, or leaving the field saves; Escape does not.
 * Of two people who rename at the same time the second gets a message and sees the first one's name.
 */

import { Refused } from "./request.js";
import { find, listen } from "./dom.js";
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
    const [field, button] = [find("deck-name"), find("rename")];
    // The field keeps the focus until the click, so that the click saves and does not begin anew.
    listen(button, "mousedown", signal, (event) => event.preventDefault());
    listen(button, "click", signal, () => (field.hidden ? this.#begin() : button.focus()));
    listen(field, "blur", signal, () => this.#save());
    listen(field, "keydown", signal, (event) => {
      if (!["Enter", "Escape"].includes(event.key)) return;
      event.preventDefault(); // the key would go on to press the button
      if (event.key === "Escape") this.#end();
      button.focus();
    });
  }

  show(recording) {
    this.#recording = recording;
    this.#end();
  }

  /**
   * Show the name that the recording has by now. Not while the person changes it: what they save is compared with what
   * they saw. The entity tag also changes with the files.
   */
  update(name, etag) {
    const isAnother = name !== this.#recording.name;
    if (isAnother && !find("deck-name").hidden) return;
    Object.assign(this.#recording, { name, etag });
    if (!isAnother) return;
    this.#end();
    this.#renamed(name);
  }

  #begin() {
    const field = find("deck-name");
    field.value = this.#recording.name ?? "";
    [field.hidden, find("deck-title").hidden] = [false, true];
    find("rename").textContent = strings.rename.save;
    field.select();
  }

  /** Hiding the field makes it lose the focus, which must not save again. */
  #end() {
    find("deck-title").textContent = titleOf(this.#recording);
    [find("deck-name").hidden, find("deck-title").hidden] = [true, false];
    find("rename").textContent = strings.rename.button;
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
    try {
      const { name, etag } = await this.#gateway.recording(recording.id);
      Object.assign(recording, { name, etag });
    } catch (another) {
      return toast(explain(another));
    }
    return toast(strings.rename.changed);
  }
}
