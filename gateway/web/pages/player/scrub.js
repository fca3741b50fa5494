/*
 * Seeking by pointer on a drawing whose width is the length of the media: press to seek, drag to follow.
 *
 * While a seek is in progress, pointer moves are ignored: each seek costs a request, and only the last position counts.
 * The position at which the pointer is released is always used.
 */

import { listen } from "./dom.js";
import { lengthOf, moveTo } from "./seeking.js";

/** The second under the pointer, or NaN while the length is not known. */
export function secondAt(event, drawing, media) {
  const { left, width } = drawing.getBoundingClientRect();
  const share = Math.min(1, Math.max(0, (event.clientX - left) / width));
  return share * lengthOf(media);
}

export function seekByPointer(drawing, media, signal) {
  const seek = (event) => {
    const second = secondAt(event, drawing, media);
    if (Number.isFinite(second) && second !== media.currentTime) moveTo(media, second);
  };
  const held = (event) => drawing.hasPointerCapture(event.pointerId);
  listen(drawing, "pointerdown", signal, (event) => {
    if (event.button !== 0) return;
    drawing.setPointerCapture(event.pointerId);
    seek(event);
  });
  listen(drawing, "pointermove", signal, (event) => held(event) && !media.seeking && seek(event));
  listen(drawing, "pointerup", signal, (event) => held(event) && seek(event));
}
