/*
 * What the browser stores for the page. A browser may refuse to store anything (blocked site data, some frames of other
 * sites) and throws at each use; the page then works without it.
 */

export class Stored {
  #area;
  #name;

  /** `area` is "localStorage", or "sessionStorage" for this tab only. */
  constructor(area, name) {
    this.#area = area;
    this.#name = name;
  }

  /** The stored text, or null. Setting null removes it. */
  get text() {
    try {
      return window[this.#area].getItem(this.#name);
    } catch {
      return null;
    }
  }

  set text(text) {
    try {
      if (text === null) window[this.#area].removeItem(this.#name);
      else window[this.#area].setItem(this.#name, text);
    } catch {
      // Refused, or the storage is full.
    }
  }

  /** The same as a table of JSON values; empty if nothing valid is stored. */
  get table() {
    try {
      return JSON.parse(this.text) ?? {};
    } catch {
      return {};
    }
  }

  set table(table) {
    this.text = JSON.stringify(table);
  }
}
