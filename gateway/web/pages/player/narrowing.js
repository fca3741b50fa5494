/*
 * The form above the list: words to search for, filters and order. The gateway searches, filters and sorts.
 */

import { find, listen } from "./dom.js";

const TYPING_PAUSE_MS = 250;
const SELECTS = ["sort", "type", "status", "length"];
const DAYS = ["from-day", "to-day"];
/** The shortest and longest duration of each choice, in milliseconds. */
const LENGTHS = { "": ["", ""], short: ["", 299_999], medium: [300_000, 1_800_000], long: [1_800_001, ""] };

export class Narrowing {
  #typing;

  /** `changed()` is called after each change; while a person types, only after the last key. */
  constructor(changed, signal) {
    listen(find("search"), "input", signal, () => {
      clearTimeout(this.#typing);
      this.#typing = setTimeout(() => this.#changed(changed), TYPING_PAUSE_MS);
    });
    for (const id of [...SELECTS, ...DAYS]) listen(find(id), "change", signal, () => this.#changed(changed));
    listen(find("widen"), "click", signal, () => {
      this.clear();
      changed();
    });
    signal.addEventListener("abort", () => clearTimeout(this.#typing));
    this.#show();
  }

  /** The filters and the order in the names of the API, and the `words` to search for. */
  get wanted() {
    const [shortest, longest] = LENGTHS[find("length").value];
    return {
      words: find("search").value.trim(),
      sort: find("sort").value,
      type: find("type").value,
      status: find("status").value,
      min_duration_ms: shortest,
      max_duration_ms: longest,
      // Both bounds are exclusive: a day begins after the last millisecond before it.
      created_after: moment(find("from-day"), 0, -1),
      created_before: moment(find("to-day"), 1, 0),
    };
  }

  get isNarrowed() {
    const { sort, ...wanted } = this.wanted;
    return Object.values(wanted).some((value) => value !== "");
  }

  /** Whether the recordings are sorted by time. */
  get isByTime() {
    const { words, sort } = this.wanted;
    return words === "" && sort.endsWith("created_at");
  }

  clear() {
    clearTimeout(this.#typing);
    for (const id of ["search", ...SELECTS.slice(1), ...DAYS]) find(id).value = "";
    find("sort").selectedIndex = 0;
    this.#show();
  }

  #changed(changed) {
    clearTimeout(this.#typing);
    this.#show();
    changed();
  }

  /** Results of a search are always sorted best first, so the order cannot be chosen. */
  #show() {
    find("sort").disabled = find("search").value.trim() !== "";
    find("widen").hidden = !this.isNarrowed;
  }
}

/**
 * The beginning of a field's local day, plus some days and milliseconds, in UTC. Empty without a day, and for a day
 * out of the field's range: while a person types the year 2026, the field's year is 2, 20 and 202 first.
 */
function moment({ value, validity }, days, milliseconds) {
  if (!value || !validity.valid) return "";
  const [year, month, day] = value.split("-").map(Number);
  return new Date(year, month - 1, day + days, 0, 0, 0, milliseconds).toISOString();
}
