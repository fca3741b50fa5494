/*
 * Playback speeds: their steps, and the row of choices that shows and sets the speed.
 */

import { el, listen } from "./dom.js";
import { strings } from "./strings.js";

const SPEEDS = [0.5, 0.75, 1, 1.25, 1.5, 2];

/** The next faster (+1) or slower (-1) speed; at either end, the same speed. */
export function nextSpeed(rate, direction) {
  const rung = SPEEDS.findIndex((speed) => speed >= rate);
  const next = Math.min(SPEEDS.length - 1, Math.max(0, rung + direction));
  return SPEEDS[next];
}

/** Fill a fieldset, which has a legend, with one choice per speed; `onChange(rate)` is called when a person chooses. */
export class SpeedChoice {
  #choices;

  constructor(fieldset, onChange, signal) {
    this.#choices = SPEEDS.map(radio);
    const labelled = this.#choices.flatMap((choice) => [choice, label(choice)]);
    fieldset.replaceChildren(fieldset.querySelector("legend"), ...labelled);
    listen(fieldset, "change", signal, () => onChange(this.rate));
    this.rate = 1;
  }

  get rate() {
    return Number(this.#choices.find((choice) => choice.checked).value);
  }

  /** Select the choice for a speed that was set elsewhere: the equal or next faster one (native controls have more). */
  set rate(rate) {
    const choice = this.#choices.find((each) => Number(each.value) >= rate) ?? this.#choices.at(-1);
    choice.checked = true;
  }
}

function radio(speed) {
  return el("input", { type: "radio", name: "speed", value: speed, id: `speed-${speed}` });
}

function label(choice) {
  return el("label", { for: choice.id }, strings.deck.times(Number(choice.value)));
}
