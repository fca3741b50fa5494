/*
 * Short messages at the foot of the page, read out politely by screen readers, and removed after a while.
 */

import { el, find } from "./dom.js";

const SECONDS = 6;

/** Show a message for a while. With an `action` ({label, act}), either `act` is called or, after a while, `lapsed`. */
export function toast(text, { action = null, lapsed = () => {} } = {}) {
  const message = el("div", { class: "toast" }, el("p", {}, text));
  const end = (then) => {
    clearTimeout(timer);
    // Removing the button that has the focus must not make the page lose it.
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
