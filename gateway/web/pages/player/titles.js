/*
 * What a recording is called (its name, else its meeting, else the day and time at which it was made), where it comes
 * from, and how its files are described.
 */

import { dayAndClock, duration, size } from "./format.js";
import { strings } from "./strings.js";

/** The meeting of a transcript that was put beside a recording has no name of its own (gateway/db/edits.py). */
const OF_A_RECORDING = "upload";

export function titleOf({ name, meeting, created_at: createdAt }) {
  return name?.trim() || meetingTitle(meeting) || dayAndClock(new Date(createdAt));
}

function meetingTitle(meeting) {
  if (!meeting || meeting.platform === OF_A_RECORDING) return "";
  return `${strings.meeting.platforms[meeting.platform] ?? meeting.platform} ${meeting.native_meeting_id}`;
}

/** The recording's source, its status unless it is completed, and its only file. */
export function origin({ source, status, error_message: error, media_files: files }) {
  const only = files.length === 1 ? [describe(files[0])] : [];
  const outcome = error === null ? strings.status[status] : `${strings.status[status]}: ${error}`;
  return [strings.source[source], ...(status === "completed" ? [] : [outcome]), ...only].join(" · ");
}

/** The kind and format of a file, and what is known of its dimensions, length and size. */
export function describe(file) {
  const { width, height } = file.metadata ?? {};
  const dimensions = width && height && `${width} × ${height}`;
  const length = file.duration_seconds !== null && duration(file.duration_seconds);
  const bytes = size(file.file_size_bytes ?? NaN);
  return [`${strings.kind[file.type]} ${file.format}`, dimensions, length, bytes].filter(Boolean).join(" · ");
}

/** What a screen reader calls the element that plays or shows the file. */
export function labelOf({ created_at: createdAt }, file) {
  const when = dayAndClock(new Date(createdAt));
  return file.type === "image" ? strings.deck.imageOf(when) : strings.deck.mediaOf(strings.kind[file.type], when);
}
