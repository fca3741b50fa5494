/*
 * Numbers and dates as people read them. Pure functions that return text.
 * Durations are seconds, sizes are bytes (decimal units), dates are Date objects.
 */

import { locale, strings } from "./strings.js";

const two = (number) => String(number).padStart(2, "0");

/** `1:02:03`, `3:00`; a dash when the duration is not known. */
export function duration(seconds) {
  if (!Number.isFinite(seconds)) return strings.unknown;
  const whole = Math.floor(seconds);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** The duration with a tenth of a second, cut and not rounded: a counter never runs ahead. */
export function timecode(seconds) {
  return `${duration(seconds)}.${Math.floor((seconds * 10) % 10)}`;
}

/** ISO 8601, for the `datetime` attribute of a `<time>` that holds a duration. */
export function isoDuration(seconds) {
  return `PT${Math.max(0, seconds).toFixed(1)}S`;
}

export function size(bytes) {
  if (!Number.isFinite(bytes)) return strings.unknown;
  const power = bytes < 1000 ? 0 : Math.min(strings.sizeUnits.length - 1, Math.floor(Math.log10(bytes) / 3));
  const amount = bytes / 1000 ** power;
  const maximumFractionDigits = power > 0 && amount < 100 ? 1 : 0;
  return `${amount.toLocaleString(locale, { maximumFractionDigits })}\u00a0${strings.sizeUnits[power]}`;
}

export function clock(date) {
  return new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit" }).format(date);
}

/** `Today`, `Yesterday`, or the date with the year only where it is not this year's. */
export function day(date, today = new Date()) {
  const daysAgo = Math.round((midnight(today) - midnight(date)) / 86_400_000);
  if (daysAgo === 0) return strings.list.today;
  if (daysAgo === 1) return strings.list.yesterday;
  return fullDay(date, today);
}

export function fullDay(date, today = new Date()) {
  const year = date.getFullYear() === today.getFullYear() ? undefined : "numeric";
  return new Intl.DateTimeFormat(locale, { weekday: "long", day: "numeric", month: "long", year }).format(date);
}

/** `12 Mar` of this year, `12/03/24` of another. */
export function shortDay(date, today = new Date()) {
  const isThisYear = date.getFullYear() === today.getFullYear();
  const thisYear = { day: "numeric", month: "short" };
  const anotherYear = { day: "2-digit", month: "2-digit", year: "2-digit" };
  return new Intl.DateTimeFormat(locale, isThisYear ? thisYear : anotherYear).format(date);
}

export function dayAndClock(date) {
  return `${fullDay(date)}, ${clock(date)}`;
}

function midnight(date) {
  return new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();
}
