/*
 * One table from errors to the messages that explain them.
 */

import { Refused, Unreachable } from "./request.js";
import { strings } from "./strings.js";

/** How browsers say that a file cannot be read. */
const UNREADABLE = ["NotReadableError", "NotFoundError"];

/**
 * The message for a Refused, an Unreachable, or a file that cannot be read; any other error is a bug of the page and is
 * thrown again.
 */
export function explain(trouble) {
  if (trouble instanceof Refused) return strings.trouble[trouble.status] ?? strings.trouble.other(trouble.status);
  if (trouble instanceof Unreachable) return strings.trouble.unreachable;
  if (trouble instanceof DOMException && UNREADABLE.includes(trouble.name)) return strings.trouble.unreadable;
  throw trouble;
}
