"""Meetings and their segments in PostgreSQL: the tables meetings and transcript_segments."""

import asyncio
from collections.abc import Sequence
from typing import Final

from asyncpg.pool import PoolConnectionProxy

from gateway.catalog import Meeting, NewMeeting, Owner, Segment
from gateway.db.rows import meeting, read_row, read_rows, segment

FIND_MEETING: Final = """
    SELECT to_json(m) FROM meetings m
    WHERE user_id = $1 AND live = $2 AND platform = $3 AND native_meeting_id = $4
    ORDER BY created_at DESC, id DESC LIMIT 1
"""
FIND_MEETING_BY_ID: Final = """
    SELECT to_json(m) FROM meetings m
    WHERE user_id = $1 AND live = $2 AND platform = $3 AND native_meeting_id = $4 AND id = $5
"""
FIND_MEETING_OF_RECORDING: Final = """
    SELECT to_json(m) FROM meetings m JOIN recordings r ON r.meeting_id = m.id
    WHERE r.user_id = $1 AND r.live = $2 AND r.id = $3
"""
# Each session of a bot counts from its own start, so segments are ordered by absolute time.
LIST_SEGMENTS: Final = """
    SELECT to_json(found) FROM (
        SELECT s.position, s.start_seconds, s.end_seconds, s.text, s.speaker, s.language, s.segment_id, s.created_at,
               nullif(coalesce(s.counted_from_at, m.started_at), '-infinity') AS counted_from_at
        FROM transcript_segments s JOIN meetings m ON m.id = s.meeting_id WHERE s.meeting_id = $1
    ) found
    ORDER BY extract(epoch FROM counted_from_at)::double precision + start_seconds NULLS FIRST, start_seconds, position
"""


async def find_meeting(
    connection: PoolConnectionProxy, owner: Owner, platform: str, native_meeting_id: str, meeting_id: int | None
) -> Meeting | None:
    """The newest meeting with this platform and native id, or of those the one with `meeting_id`."""
    key = (owner.user_id, owner.live, platform, native_meeting_id)
    if meeting_id is None:
        return read_row(meeting, await connection.fetchval(FIND_MEETING, *key))
    return read_row(meeting, await connection.fetchval(FIND_MEETING_BY_ID, *key, meeting_id))


async def find_meeting_of(connection: PoolConnectionProxy, owner: Owner, recording_id: int) -> Meeting | None:
    """The meeting of the recording."""
    key = (owner.user_id, owner.live, recording_id)
    return read_row(meeting, await connection.fetchval(FIND_MEETING_OF_RECORDING, *key))


async def list_segments(connection: PoolConnectionProxy, meeting_id: int) -> tuple[Segment, ...]:
    """The segments by absolute time, those without one first, then by start."""
    rows = await connection.fetch(LIST_SEGMENTS, meeting_id)
    # In a thread: building 50,000 segments would block the event loop for too long.
    return await asyncio.to_thread(read_rows, segment, [text for (text,) in rows])


# Every write gives a row another xmin (the number of its transaction), so equal versions mean equal rows. A standby that
# takes over, or a backup, may use the numbers of lost transactions again; it is another start of a server.
FIND_TRANSCRIPT_VERSION: Final = """
    SELECT concat_ws('.', to_hex((extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint), m.id, m.xmin, (
        SELECT concat(count(*), '.', to_hex(bit_xor(hashint8extended(s.position, s.xmin::text::bigint))))
        FROM transcript_segments s WHERE s.meeting_id = m.id
    ), (
        SELECT concat(count(*), '.', to_hex(bit_xor(hashint8extended(r.id, r.xmin::text::bigint))))
        FROM recordings r WHERE r.meeting_id = m.id
    ), (
        SELECT concat(count(*), '.', to_hex(bit_xor(hashint8extended(f.id, f.xmin::text::bigint))))
        FROM recordings r JOIN media_files f ON f.recording_id = r.id WHERE r.meeting_id = m.id
    ))
    FROM meetings m WHERE m.id = $1
"""


async def find_version(connection: PoolConnectionProxy, meeting: Meeting | None) -> str | None:
    """A text that changes with the meeting, its segments, recordings and media files."""
    version: str | None = None if meeting is None else await connection.fetchval(FIND_TRANSCRIPT_VERSION, meeting.id)
    return version


FIND_MEETING_ID: Final = """
    SELECT id FROM meetings
    WHERE user_id = $1 AND live = $2 AND platform = $3 AND native_meeting_id = $4
    ORDER BY created_at DESC, id DESC LIMIT 1 FOR NO KEY UPDATE
"""
ADD_MEETING: Final = """
    INSERT INTO meetings (user_id, live, platform, native_meeting_id) VALUES ($1, $2, $3, $4) RETURNING id
"""


async def ensure_meeting(connection: PoolConnectionProxy, owner: Owner, wanted: NewMeeting) -> int:
    """The id of the newest meeting with this key, locked, created if absent; segments that it lacks are added.

    The caller's transaction holds the lock that keeps two transactions from both creating it.
    """
    key = (owner.user_id, owner.live, wanted.platform, wanted.native_meeting_id)
    meeting_id: int | None = await connection.fetchval(FIND_MEETING_ID, *key)
    if meeting_id is None:
        meeting_id = int(await connection.fetchval(ADD_MEETING, *key))
    await add_segments(connection, meeting_id, wanted.segments)
    return meeting_id


# The position is the segment's identity: importing the same meeting twice adds nothing.
ADD_SEGMENTS: Final = """
    INSERT INTO transcript_segments (meeting_id, position, start_seconds, end_seconds, text, speaker, language)
    SELECT $1, * FROM unnest($2::int[], $3::float8[], $4::float8[], $5::text[], $6::text[], $7::text[])
    ON CONFLICT DO NOTHING
"""


# asyncpg encodes the arguments on the event loop: 50,000 segments together would block it for 60 ms.
_SEGMENTS_AT_A_TIME: Final = 5000


async def add_segments(connection: PoolConnectionProxy, meeting_id: int, segments: Sequence[Segment]) -> None:
    """Add the segments whose positions the meeting lacks."""
    fields = ("start_seconds", "end_seconds", "text", "speaker", "language")
    for first in range(0, len(segments), _SEGMENTS_AT_A_TIME):
        some = segments[first : first + _SEGMENTS_AT_A_TIME]
        columns = [[getattr(each, field) for each in some] for field in fields]
        await connection.execute(ADD_SEGMENTS, meeting_id, range(first, first + len(some)), *columns)
