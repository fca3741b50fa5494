/*
 * One table from what went wrong to the words that say so.
 */

import { Refused, Unreachable } from "./api.js";
import { strings } from "./strings.js";

/** Plain words for a Refused or an Unreachable; anything else is a fault of the page and is thrown on. */
export function explain(trouble) {
  if (trouble instanceof Refused) return strings.trouble[trouble.status] ?? strings.trouble.other(trouble.status);
  if (trouble instanceof Unreachable) return strings.trouble.unreachable;
  throw trouble;
}
