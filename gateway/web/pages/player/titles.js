/*
 * What a recording is called: its name, else its meeting, else the day and time at which it was made.
 */

import { dayAndClock } from "./format.js";
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
