/*
 * Deleting: a question, then a few seconds in which it can be undone. The gateway deletes only when that time is over
 * or the page closes. `shown.hide` and `shown.restore` take a recording out of the view and put it back.
 */

import { isMissing } from "./request.js";
import { find, listen } from "./dom.js";
import { strings } from "./strings.js";
import { titleOf } from "./titles.js";
import { toast } from "./toast.js";
import { explain } from "./trouble.js";

export class Removal {
  #gateway;
  #shown;
  #waiting = new Set();

  constructor(gateway, shown, signal) {
    this.#gateway = gateway;
    this.#shown = shown;
    listen(window, "pagehide", signal, () => this.#flush());
    signal.addEventListener("abort", () => this.#flush());
  }

  async ask(recording) {
    const dialog = find("remove-dialog");
    find("remove-body").textContent = strings.remove.body(titleOf(recording));
    dialog.returnValue = "";
    dialog.showModal();
    await new Promise((closed) => dialog.addEventListener("close", closed, { once: true }));
    if (dialog.returnValue === "remove") this.#hide(recording);
  }

  #hide(recording) {
    this.#waiting.add(recording.id);
    this.#shown.hide(recording);
    toast(strings.remove.pending(titleOf(recording)), {
      action: { label: strings.remove.undo, act: () => this.#undo(recording) },
      lapsed: () => this.#commit(recording),
    });
  }

  #undo(recording) {
    if (!this.#waiting.delete(recording.id)) return;
    this.#shown.restore(recording);
    toast(strings.remove.undone);
  }

  /** A 404 counts as success: the recording was deleted already. */
  async #commit(recording) {
    if (!this.#waiting.delete(recording.id)) return;
    try {
      await this.#gateway.remove(recording.id);
      this.#shown.forget(recording);
    } catch (trouble) {
      if (isMissing(trouble)) return this.#shown.forget(recording);
      this.#shown.restore(recording);
      toast(`${strings.trouble.notRemoved} ${explain(trouble)}`);
    }
  }

  /** When the page closes or the person signs out, delete what waits: nobody can undo it any more. */
  #flush() {
    for (const id of this.#waiting) this.#gateway.remove(id, { keepalive: true }).catch(() => {});
    this.#waiting.clear();
  }
}
