"""RecordingCatalog in PostgreSQL: the tables recordings and media_files.

Each statement returns whole rows as JSON (see `gateway.db.rows`). A page is read first, from an index in the order of
the page; media files are then looked up only for its rows.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from asyncpg.pool import PoolConnectionProxy

from gateway.catalog import (
    MediaFile,
    MediaType,
    Meeting,
    NewMedia,
    NewMeeting,
    Owner,
    Recording,
    RecordingCatalog,
    Transcript,
)
from gateway.db.pool import Tables, connected, storable
from gateway.db.registration import register
from gateway.db.rows import media_file, read_row, read_rows, recording, with_recording_columns
from gateway.db.transcripts import find_meeting, find_meeting_of, find_version, list_segments

LIST_TEMPLATE: Final = with_recording_columns("""
    SELECT to_json(found) FROM (
        SELECT r.*, {media_files}
        FROM (
            SELECT * FROM recordings WHERE user_id = $1 AND live = $2{of_meeting}
            ORDER BY created_at DESC, id DESC LIMIT $3 OFFSET $4
        ) r
    ) found
    ORDER BY created_at DESC, id DESC
""")


class PgRecordingCatalog(Tables, RecordingCatalog):
    """RecordingCatalog in the tables recordings, media_files, meetings and transcript_segments."""

    LIST_RECORDINGS: Final = LIST_TEMPLATE.format(of_meeting="")
    LIST_RECORDINGS_OF_MEETING: Final = LIST_TEMPLATE.format(of_meeting=" AND meeting_id = $5")

    async def list_recordings(
        self, owner: Owner, *, limit: int, offset: int, meeting_id: int | None = None
    ) -> Sequence[Recording]:
        if not storable(limit, offset, meeting_id):
            return ()
        page = (owner.user_id, owner.live, limit, offset)
        if meeting_id is None:
            rows = await self._rows(self.LIST_RECORDINGS, *page)
        else:
            rows = await self._rows(self.LIST_RECORDINGS_OF_MEETING, *page, meeting_id)
        return read_rows(recording, (text for (text,) in rows))

    FIND_RECORDING: Final = with_recording_columns("""
        SELECT to_json(found) FROM (
            SELECT r.*, {media_files}, {meeting} FROM recordings r WHERE r.user_id = $1 AND r.live = $2 AND r.id = $3
        ) found
    """)

    async def find_recording(self, owner: Owner, recording_id: int) -> Recording | None:
        if not storable(recording_id):
            return None
        row = await self._value(self.FIND_RECORDING, owner.user_id, owner.live, recording_id)
        return read_row(recording, row)

    FIND_MEDIA_FILE: Final = """
        SELECT to_json(m) FROM media_files m JOIN recordings r ON r.id = m.recording_id
        WHERE r.user_id = $1 AND r.live = $2 AND r.id = $3 AND m.id = $4
    """

    async def find_media_file(self, owner: Owner, recording_id: int, media_file_id: int) -> MediaFile | None:
        if not storable(recording_id, media_file_id):
            return None
        row = await self._value(self.FIND_MEDIA_FILE, owner.user_id, owner.live, recording_id, media_file_id)
        return read_row(media_file, row)

    FIND_OWNER: Final = """
        SELECT r.user_id, r.live FROM media_files m JOIN recordings r ON r.id = m.recording_id
        WHERE r.id = $1 AND m.id = $2
    """

    async def find_owner(self, recording_id: int, media_file_id: int) -> Owner | None:
        if not storable(recording_id, media_file_id):
            return None
        row = await self._row(self.FIND_OWNER, recording_id, media_file_id)
        return None if row is None else Owner(*row)

    FIND_MASTER: Final = """
        SELECT to_json(m) FROM media_files m JOIN recordings r ON r.id = m.recording_id
        WHERE r.user_id = $1 AND r.live = $2 AND r.id = $3 AND m.type = $4 AND m.status = 'uploaded'
        ORDER BY m.created_at DESC, m.id DESC LIMIT 1
    """

    async def find_master(self, owner: Owner, recording_id: int, media_type: MediaType) -> MediaFile | None:
        if not storable(recording_id):
            return None
        row = await self._value(self.FIND_MASTER, owner.user_id, owner.live, recording_id, media_type)
        return read_row(media_file, row)

    async def find_transcript(
        self, owner: Owner, platform: str, native_meeting_id: str, meeting_id: int | None = None
    ) -> Transcript | None:
        if not storable(platform, native_meeting_id, meeting_id):
            return None
        async with connected(self._pool) as connection:
            meeting = await find_meeting(connection, owner, platform, native_meeting_id, meeting_id)
            return await self._transcript(connection, meeting)

    async def find_transcript_of(self, owner: Owner, recording_id: int) -> Transcript | None:
        if not storable(recording_id):
            return None
        async with connected(self._pool) as connection:
            return await self._transcript(connection, await find_meeting_of(connection, owner, recording_id))

    async def find_transcript_version(
        self, owner: Owner, platform: str, native_meeting_id: str, meeting_id: int | None = None
    ) -> str | None:
        if not storable(platform, native_meeting_id, meeting_id):
            return None
        async with connected(self._pool) as connection:
            meeting = await find_meeting(connection, owner, platform, native_meeting_id, meeting_id)
            return await find_version(connection, meeting)

    async def find_transcript_version_of(self, owner: Owner, recording_id: int) -> str | None:
        if not storable(recording_id):
            return None
        async with connected(self._pool) as connection:
            return await find_version(connection, await find_meeting_of(connection, owner, recording_id))

    async def _transcript(self, connection: PoolConnectionProxy, meeting: Meeting | None) -> Transcript | None:
        if meeting is None:
            return None
        page = (meeting.owner.user_id, meeting.owner.live, None, 0)
        rows = await connection.fetch(self.LIST_RECORDINGS_OF_MEETING, *page, meeting.id)
        segments = await list_segments(connection, meeting.id)
        return Transcript(meeting, segments, read_rows(recording, (text for (text,) in rows)))

    async def register(
        self,
        owner: Owner,
        media: NewMedia,
        *,
        name: str | None = None,
        meeting: NewMeeting | None = None,
        recording_id: int | None = None,
    ) -> tuple[MediaFile, bool]:
        async with self._transaction() as connection:
            return await register(connection, owner, media, name=name, meeting=meeting, recording_id=recording_id)

    RECORD_OBJECT_VERSION: Final = """
        WITH recording AS (
            SELECT id FROM recordings WHERE id = (SELECT recording_id FROM media_files WHERE id = $1) FOR NO KEY UPDATE
        )
        UPDATE media_files m SET size = $2, etag = $3, object_modified_at = $4, missing_at = NULL
        FROM recording r WHERE m.recording_id = r.id AND m.id = $1
    """

    async def record_object_version(
        self, media: MediaFile, *, size: int, etag: str, object_modified_at: datetime
    ) -> None:
        await self._run(self.RECORD_OBJECT_VERSION, media.id, size, etag, object_modified_at)

    RECORD_MISSING: Final = "UPDATE media_files SET missing_at = now() WHERE id = $1 AND missing_at IS NULL"

    async def record_missing(self, media: MediaFile) -> None:
        await self._run(self.RECORD_MISSING, media.id)

    # The rows of media_files are deleted with it, and a trigger queues their objects in the same transaction.
    DELETE_RECORDING: Final = """
        DELETE FROM recordings WHERE user_id = $1 AND live = $2 AND id = $3 RETURNING true
    """

    async def delete_recording(self, owner: Owner, recording_id: int) -> bool:
        if not storable(recording_id):
            return False
        deleted = await self._value(self.DELETE_RECORDING, owner.user_id, owner.live, recording_id)
        return deleted is not None
