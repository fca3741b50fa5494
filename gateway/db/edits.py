"""Edits of recordings in PostgreSQL: of the client's description, and of the transcript."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import orjson

from gateway.catalog import Owner, Recording, Segment
from gateway.catalog.edits import RecordingEdits
from gateway.db.pool import Tables, require_storable
from gateway.db.rows import recording, with_recording_columns
from gateway.db.transcripts import add_segments
from gateway.protocol.ids import encode_id

# What a client may change; the order of UPDATE_RECORDING's arguments.
EDITABLE: Final = ("name", "device_id", "end_user_id", "metadata", "started_at", "ended_at")
PLATFORM: Final = "upload"


class PgRecordingEdits(Tables, RecordingEdits):
    """RecordingEdits in the tables recordings, meetings and transcript_segments."""

    LOCK_FOR_EDIT: Final = with_recording_columns("""
        SELECT to_json(found) FROM (
            SELECT r.*, {media_files} FROM recordings r WHERE user_id = $1 AND live = $2 AND id = $3 FOR UPDATE
        ) found
    """)
    UPDATE_RECORDING: Final = """
        UPDATE recordings
        SET name = $2, device_id = $3, end_user_id = $4, metadata = $5, started_at = $6, ended_at = $7 WHERE id = $1
    """

    async def update_recording(
        self, owner: Owner, recording_id: int, change: Callable[[Recording], Mapping[str, Any]]
    ) -> Recording | None:
        key = (owner.user_id, owner.live, recording_id)
        with require_storable("body"):
            async with self._transaction() as connection:
                text = await connection.fetchval(self.LOCK_FOR_EDIT, *key)
                if text is None:
                    return None
                current = recording(orjson.loads(text))
                changes = change(current)
                values = (changes.get(name, getattr(current, name)) for name in EDITABLE)
                await connection.execute(self.UPDATE_RECORDING, recording_id, *values)
                text = await connection.fetchval(self.LOCK_FOR_EDIT, *key)
                return recording(orjson.loads(text))

    FIND_MEETING_OF: Final = """
        SELECT meeting_id FROM recordings WHERE user_id = $1 AND live = $2 AND id = $3 FOR UPDATE
    """
    ADD_MEETING_OF: Final = """
        INSERT INTO meetings (user_id, live, platform, native_meeting_id, started_at)
        SELECT user_id, live, $2, $3, started_at FROM recordings WHERE id = $1 RETURNING id
    """
    GIVE_MEETING: Final = "UPDATE recordings SET meeting_id = $2 WHERE id = $1"
    # Recordings may share a meeting: of two transcripts for it, the later one replaces the other, and is not mixed with it.
    LOCK_MEETING: Final = "SELECT id FROM meetings WHERE id = $1 FOR NO KEY UPDATE"
    DELETE_SEGMENTS: Final = "DELETE FROM transcript_segments WHERE meeting_id = $1"

    async def replace_transcript(self, owner: Owner, recording_id: int, segments: Sequence[Segment]) -> bool:
        with require_storable("body"):
            async with self._transaction() as connection:
                row = await connection.fetchrow(self.FIND_MEETING_OF, owner.user_id, owner.live, recording_id)
                if row is None:
                    return False
                meeting_id = row["meeting_id"]
                if meeting_id is None:
                    named = (recording_id, PLATFORM, encode_id("rec", recording_id))
                    meeting_id = await connection.fetchval(self.ADD_MEETING_OF, *named)
                    await connection.execute(self.GIVE_MEETING, recording_id, meeting_id)
                await connection.execute(self.LOCK_MEETING, meeting_id)
                await connection.execute(self.DELETE_SEGMENTS, meeting_id)
                await add_segments(connection, meeting_id, segments)
                return True
