"""Writes meetings and segments of Vexa to our tables meetings and transcript_segments (MoveTarget)."""

from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

from gateway.catalog import MeetingMove, MoveOutcome, SegmentMove, SegmentsOutcome
from gateway.db.vexa_move.move_notes import MoveNotes, digest_of

# asyncpg writes it as -infinity, which in the column counted_from_at means that the start of counting is unknown.
_UNKNOWN: Final = datetime.min.replace(tzinfo=UTC)
_COLUMNS: Final = 9


class MovedMeetings(MoveNotes):
    """The part of MoveTarget for meetings and segments, on one connection."""

    FIND_MEETING_TO_MOVE: Final = """
        SELECT user_id, live, status, started_at, ended_at, metadata FROM meetings WHERE id = $1 FOR NO KEY UPDATE
    """
    ADD_MOVED_MEETING: Final = """
        INSERT INTO meetings
            (id, user_id, live, platform, native_meeting_id, created_at, status, started_at, ended_at, metadata)
        VALUES ($1, $2, true, $3, $4, $5, $6, $7, $8, $9)
    """
    UPDATE_MOVED_MEETING: Final = """
        UPDATE meetings SET status = $2, started_at = $3, ended_at = $4, metadata = $5 WHERE id = $1
    """

    async def move_meeting(self, user_id: int, meeting: MeetingMove) -> MoveOutcome:
        values = (meeting.status, meeting.started_at, meeting.ended_at, meeting.metadata)
        row = await self._connection.fetchrow(self.FIND_MEETING_TO_MOVE, meeting.id)
        if row is not None and (row["user_id"], row["live"]) != (user_id, True):
            return "taken"
        here = None if row is None else digest_of(*tuple(row)[2:])
        outcome = await self.decide("meeting", meeting.identity, here, digest_of(*values))
        if outcome == "moved":
            if row is None:
                key = (meeting.platform, meeting.native_meeting_id, meeting.created_at)
                await self._connection.execute(self.ADD_MOVED_MEETING, meeting.id, user_id, *key, *values)
            else:
                await self._connection.execute(self.UPDATE_MOVED_MEETING, meeting.id, *values)
            await self.write_note("meeting", meeting.identity, meeting.id, digest_of(*values))
        return outcome

    async def has_meeting(self, identity: bytes) -> bool:
        return await self.still_has("meeting", identity, self.FIND_MEETING_TO_MOVE)

    # Every column that the move writes, as text that does not depend on the session's settings.
    DIGEST_SEGMENTS: Final = """
        SELECT count(*), sha256(convert_to(coalesce(string_agg(jsonb_build_array(
            position, start_seconds, end_seconds, text, speaker, language, extract(epoch FROM counted_from_at)::text
        )::text, ' ' ORDER BY position), ''), 'UTF8'))
        FROM transcript_segments WHERE meeting_id = $1
    """
    WRITE_SEGMENTS: Final = """
        INSERT INTO transcript_segments AS s (meeting_id, position, start_seconds, end_seconds, text, speaker, language,
                                              counted_from_at, segment_id, created_at)
        SELECT $1, * FROM unnest($2::int[], $3::float8[], $4::float8[], $5::text[], $6::text[], $7::text[],
                                 $8::timestamptz[], $9::text[], $10::timestamptz[])
        ON CONFLICT (meeting_id, position) DO UPDATE
            SET start_seconds = EXCLUDED.start_seconds, end_seconds = EXCLUDED.end_seconds, text = EXCLUDED.text,
                speaker = EXCLUDED.speaker, language = EXCLUDED.language, counted_from_at = EXCLUDED.counted_from_at
            WHERE (s.start_seconds, s.end_seconds, s.text, s.speaker, s.language, s.counted_from_at)
                  IS DISTINCT FROM (EXCLUDED.start_seconds, EXCLUDED.end_seconds, EXCLUDED.text, EXCLUDED.speaker,
                                    EXCLUDED.language, EXCLUDED.counted_from_at)
        RETURNING position
    """

    async def move_segments(self, meeting_id: int, segments: Sequence[SegmentMove]) -> SegmentsOutcome:
        identity = sha256(f"transcript {meeting_id}".encode()).digest()
        count, here = await self._digest_segments(meeting_id)
        note = await self.find_note("transcript", identity)
        if (note is None and count) or (note is not None and here != note["written"]):
            return SegmentsOutcome(0, len(segments))
        columns = zip(*map(_segment_values, segments), strict=True) if segments else [()] * _COLUMNS
        written = await self._connection.fetch(self.WRITE_SEGMENTS, meeting_id, *map(list, columns))
        _, now = await self._digest_segments(meeting_id)
        await self.write_note("transcript", identity, meeting_id, now)
        return SegmentsOutcome(len(written), len(segments) - len(written))

    async def _digest_segments(self, meeting_id: int) -> tuple[int, bytes]:
        ((count, digest),) = await self._connection.fetch(self.DIGEST_SEGMENTS, meeting_id)
        return count, digest


def _segment_values(moved: SegmentMove) -> tuple[Any, ...]:
    segment = moved.segment
    return (
        moved.position,
        segment.start_seconds,
        segment.end_seconds,
        segment.text,
        segment.speaker,
        segment.language,
        segment.counted_from_at or _UNKNOWN,
        segment.segment_id,
        segment.created_at,
    )
