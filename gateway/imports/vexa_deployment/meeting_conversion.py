"""Converts meetings and segments of a Vexa database to records of our catalogue. Pure functions.

Vexa 0.9 and 0.10 count a segment's seconds from the start of the bot's session, 0.12 from the meeting's start. Values
of `EPOCH_SECONDS` or more are seconds since 1970.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gateway.catalog import MeetingMove, Segment, SegmentMove
from gateway.imports.vexa_deployment.parsed_recordings import identity_of
from gateway.imports.vexa_deployment.parsed_values import (
    Generation,
    Row,
    meeting_metadata,
    moment_of,
    seconds_of,
    text_of,
)

EPOCH_SECONDS: Final = 1e9


def meeting_move(row: Row, sessions: Sequence[Row], now: datetime) -> MeetingMove | None:
    """The meeting to write; None if it has no native id. `now` becomes `created_at` if no other time is known."""
    native_id = text_of(row.get("platform_specific_id"))
    if not native_id:
        return None
    started_at, created_at = moment_of(row.get("start_time")), moment_of(row.get("created_at"))
    first_session = min(session_starts(sessions).values(), default=now)
    return MeetingMove(
        id=row["id"],
        identity=meeting_identity(row),
        platform=text_of(row.get("platform")) or "",
        native_meeting_id=native_id,
        status=text_of(row.get("status")) or "",
        started_at=started_at,
        ended_at=moment_of(row.get("end_time")),
        created_at=created_at or started_at or first_session,
        metadata=meeting_metadata(row.get("data", {})),
    )


def meeting_identity(row: Row) -> bytes:
    """The digest that identifies the meeting in our notes of what was moved."""
    return identity_of("meeting", row["id"], row["user_id"], row.get("platform"), row.get("created_at"))


def session_starts(sessions: Sequence[Row]) -> Mapping[str, datetime]:
    """The start of each session for which it is known, by the session's uid."""
    starts = {row["session_uid"]: moment_of(row.get("session_start_time")) for row in sessions}
    return {uid: start for uid, start in starts.items() if start is not None}


@dataclass(frozen=True, slots=True)
class MeetingTranscript:
    """A meeting's segments, and the numbers of rows left out: equal to another, empty, or without a usable start."""

    segments: tuple[SegmentMove, ...]
    equal: int
    empty: int
    unusable: int


def segments_of(
    rows: Sequence[Row], sessions: Sequence[Row], meeting: MeetingMove, generation: Generation
) -> MeetingTranscript:
    """Convert the meeting's rows, which are ordered by id."""
    starts, begin = session_starts(sessions), meeting.started_at or meeting.created_at
    found: list[SegmentMove] = []
    seen: set[tuple[object, ...]] = set()
    equal = empty = unusable = 0
    for row in rows:
        text, start = text_of(row.get("text")) or "", seconds_of(row.get("start_time"))
        if not text.strip():
            empty += 1
        elif start is None:
            unusable += 1
        elif row.get("segment_id") is None and (wording := _wording(row)) in seen:
            equal += 1
        else:
            if row.get("segment_id") is None:
                seen.add(wording)
            found.append(_segment(row, text, start, _origin(row, start, starts, begin, generation)))
    return MeetingTranscript(tuple(found), equal, empty, unusable)


def _wording(row: Row) -> tuple[object, ...]:
    """The fields by which two rows without a segment id count as one segment."""
    return tuple(row.get(name) for name in ("start_time", "end_time", "text", "speaker", "language", "session_uid"))


def _origin(
    row: Row, start: float, starts: Mapping[str, datetime], begin: datetime, generation: Generation
) -> datetime | None:
    """The moment from which the row's seconds count; None if it is unknown."""
    session = text_of(row.get("session_uid"))
    if start >= EPOCH_SECONDS or (not session and generation == "0.12"):
        return begin
    return starts.get(session) if session else None


def _segment(row: Row, text: str, start: float, origin: datetime | None) -> SegmentMove:
    end = max(start, seconds_of(row.get("end_time")) or start)
    if start >= EPOCH_SECONDS and origin is not None:
        start, end = (round(seconds - origin.timestamp(), 6) for seconds in (start, end))
    segment = Segment(
        start_seconds=start,
        end_seconds=end,
        text=text,
        speaker=text_of(row.get("speaker")),
        language=text_of(row.get("language")),
        counted_from_at=origin,
        segment_id=text_of(row.get("segment_id")),
        created_at=moment_of(row.get("created_at")),
    )
    return SegmentMove(row["id"], segment)
