/*
 * What a recording is called: its name, else the day and time at which it was made.
 */

import { dayAndClock } from "./format.js";

export function titleOf({ name, created_at: createdAt }) {
  return name || dayAndClock(new Date(createdAt));
}
