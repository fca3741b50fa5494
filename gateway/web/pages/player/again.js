/*
 * Asking again and again for what changes, while the page is visible.
 */

import { listen } from "./dom.js";
import { Refused, Unreachable } from "./request.js";

const LONGEST_PAUSE_MS = 60_000;

/**
 * Call `ask()` after each pause until it returns false, is refused, or `signal` ends it. While the gateway is busy or
 * does not answer, the pauses grow.
 */
export function askAgain(ask, pauseMs, signal) {
  let [pause, isDue] = [pauseMs, false];
  const wait = () => setTimeout(act, pause);
  const act = async () => {
    isDue = document.hidden; // then as soon as it is visible
    if (isDue || signal.aborted) return;
    try {
      if (!(await ask())) return;
      pause = pauseMs;
    } catch (trouble) {
      if (signal.aborted || isFinal(trouble)) return;
      pause = Math.min(2 * pause, LONGEST_PAUSE_MS);
    }
    wait();
  };
  listen(document, "visibilitychange", signal, () => isDue && act());
  wait();
}

/** Whether asking again is of no use. An error that is neither a refusal nor a silence is a bug, and is thrown. */
function isFinal(trouble) {
  if (trouble instanceof Unreachable) return false;
  if (trouble instanceof Refused) return trouble.status !== 429 && trouble.status < 500;
  throw trouble;
}
