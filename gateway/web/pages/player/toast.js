/*
 * Short messages at the foot of the page, read out politely by screen readers, and removed after a while.
 */

import { el, find } from "./dom.js";

const SECONDS = 6;

/** Say it for a while. With an `action` ({label, act}) either `act` is called or, when the time is over, `lapsed`. */
export function toast(text, { action = null, lapsed = () => {} } = {}) {
  const message = el("div", { class: "toast" }, el("p", {}, text));
  const end = (then) => {
    clearTimeout(timer);
    // Focus must not fall off the page with the button that held it.
    if (message.contains(document.activeElement)) find("list-title").focus();
    message.remove();
    then();
  };
  const timer = setTimeout(() => end(lapsed), SECONDS * 1000);
  const button = action === null ? null : el("button", { type: "button" }, action.label);
  button?.addEventListener("click", () => end(action.act));
  message.append(...(button === null ? [] : [button]));
  find("toasts").append(message);
  button?.focus();
}
