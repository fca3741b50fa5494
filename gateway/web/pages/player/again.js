/*
 * Asking again and again for what changes, while the page is visible.
 */

import { listen } from "./dom.js";
import { Refused, isTemporary } from "./request.js";

const LONGEST_PAUSE_MS = 60_000;
/** A connection that broke while the computer slept may never answer. */
const LONGEST_ANSWER_MS = 60_000;

/**
 * Call `ask(signal)` after each pause until it is refused, or `signal` ends it. A pause is `pauseMs()`; while the
 * gateway is busy or does not answer, it grows. Returns a function that asks without waiting for the end of the pause.
 */
export function askAgain(ask, pauseMs, signal) {
  let [pause, isAsking, isDue, isOver, timer] = [pauseMs(), false, false, false, null];
  const wait = () => (timer = setTimeout(act, pause));
  const act = async () => {
    clearTimeout(timer);
    isDue = document.hidden || isAsking; // then as soon as it is visible, or has its response
    if (isDue || isOver || signal.aborted) return;
    isAsking = true;
    const limit = AbortSignal.timeout(LONGEST_ANSWER_MS);
    try {
      await ask(either(signal, limit));
      pause = pauseMs();
    } catch (trouble) {
      // In Firefox, a body that is cut short by the limit throws AbortError, as one that nobody wants any more.
      isOver = signal.aborted || !(limit.aborted || isTemporary(trouble));
      if (isOver && !signal.aborted && !(trouble instanceof Refused)) throw trouble; // a bug
      pause = Math.max(Math.min(2 * pause, LONGEST_PAUSE_MS), trouble.retryMs ?? 0);
    }
    isAsking = false;
    if (isDue) act();
    else if (!isOver) wait();
  };
  listen(document, "visibilitychange", signal, () => isDue && act());
  listen(window, "online", signal, act);
  wait();
  return act;
}

/** A signal that aborts when one of these does. AbortSignal.any does the same, in browsers since 2024. */
function either(...signals) {
  const first = new AbortController();
  for (const each of signals) listen(each, "abort", first.signal, () => first.abort(each.reason));
  return first.signal;
}
