/*
 * Playback speeds: the ladder, and the row of choices that shows and sets it.
 */

import { el } from "./dom.js";
import { strings } from "./strings.js";

const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 2];

/** The next speed up (+1) or down (-1) the ladder; the ends hold. */
export function nextSpeed(rate, direction) {
  const rung = SPEEDS.findIndex((speed) => speed >= rate);
  const next = Math.min(SPEEDS.length - 1, Math.max(0, rung + direction));
  return SPEEDS[next];
}

/** One choice per speed in a fieldset that has its legend; `onChange(rate)` hears a person's choice. */
export class SpeedChoice {
  #choices;

  constructor(fieldset, onChange, signal) {
    this.#choices = SPEEDS.map((speed) => el("input", { type: "radio", name: "speed", value: speed, id: `speed-${speed}` }));
    fieldset.replaceChildren(fieldset.querySelector("legend"), ...this.#choices.flatMap((choice) => [choice, label(choice)]));
    fieldset.addEventListener("change", () => onChange(this.rate), { signal });
    this.rate = 1;
  }

  get rate() {
    return Number(this.#choices.find((choice) => choice.checked).value);
  }

  /** A speed set elsewhere (native controls know more of them) lights the choice that equals it, or the nearest above. */
  set rate(rate) {
    const choice = this.#choices.find((each) => Number(each.value) >= rate) ?? this.#choices.at(-1);
    choice.checked = true;
  }
}

function label(choice) {
  return el("label", { for: choice.id }, strings.deck.times(choice.value));
}
