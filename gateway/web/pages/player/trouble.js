/*
 * One table from errors to the messages that explain them.
 */

import { Refused, Unreachable } from "./request.js";
import { strings } from "./strings.js";

/** The message for a Refused or an Unreachable; any other error is a bug of the page and is thrown again. */
export function explain(trouble) {
  if (trouble instanceof Refused) return strings.trouble[trouble.status] ?? strings.trouble.other(trouble.status);
  if (trouble instanceof Unreachable) return strings.trouble.unreachable;
  throw trouble;
}
