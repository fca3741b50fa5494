"""Pending media files in PostgreSQL, and the locks that keep publishing, completing and deleting apart.

publishing  holds the row: a deletion or completion waits for it, and it finds out if one was first
completing  locks the recording, then its rows; a row that was published again since is not completed
"""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Final

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from gateway.catalog import (
    IdempotencyKey,
    MediaFile,
    NewUpload,
    Owner,
    RecordingStatus,
    UploadCatalog,
    UploadLimits,
    VerifiedUpload,
)
from gateway.db.idempotency import find_answer, keep_answer
from gateway.db.pending import check_total, insert_upload, lock_account
from gateway.db.pool import connected, storable
from gateway.db.rows import media_file, read_row
from gateway.errors import Conflict, NotFound


class PgPublication:
    """A locked row (Publication); the transaction is the caller's."""

    def __init__(self, connection: PoolConnectionProxy, media_file_id: int) -> None:
        self._connection = connection
        self._media_file_id = media_file_id

    RECORD_PUBLICATION: Final = "UPDATE media_files SET etag = $2, object_modified_at = $3 WHERE id = $1"

    async def record(self, *, etag: str, object_modified_at: datetime) -> None:
        await self._connection.execute(self.RECORD_PUBLICATION, self._media_file_id, etag, object_modified_at)


class PgUploads(UploadCatalog):
    """The uploads, each call on a connection of its own."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    LOCK_RECORDING: Final = """
        SELECT id FROM recordings WHERE user_id = $1 AND live = $2 AND id = $3 FOR UPDATE
    """

    async def add_upload(
        self,
        owner: Owner,
        recording_id: int,
        upload: NewUpload,
        limits: UploadLimits,
        key: IdempotencyKey | None = None,
    ) -> MediaFile | None:
        if not storable(recording_id):
            return None
        async with connected(self._pool) as connection, connection.transaction(isolation="read_committed"):
            await lock_account(connection, owner, limits)
            if await connection.fetchval(self.LOCK_RECORDING, owner.user_id, owner.live, recording_id) is None:
                return None
            if key is not None and (answer := await find_answer(connection, owner, key)) is not None:
                return await self._renew(connection, int(answer), upload)
            added = await insert_upload(connection, owner, recording_id, upload, limits)
            if key is not None:
                await keep_answer(connection, owner, key, str(added.id))
            return added

    # A URL that is made anew may write the object for as long as a new one.
    RENEW_UPLOAD: Final = """
        UPDATE media_files AS m SET upload_expires_at = greatest(upload_expires_at, $2)
        WHERE id = $1 AND status = 'pending' RETURNING to_json(m)
    """

    async def _renew(self, connection: PoolConnectionProxy, media_file_id: int, upload: NewUpload) -> MediaFile:
        row = await connection.fetchval(self.RENEW_UPLOAD, media_file_id, upload.upload_expires_at)
        found = read_row(media_file, row)
        if found is None:
            raise Conflict("The upload is completed, or was given up")
        return found

    HOLD_MEDIA_FILE: Final = """
        SELECT m.status FROM media_files m JOIN recordings r ON r.id = m.recording_id
        WHERE r.user_id = $1 AND r.live = $2 AND r.id = $3 AND m.id = $4
        FOR UPDATE OF m
    """

    @asynccontextmanager
    async def publishing(
        self, owner: Owner, recording_id: int, media_file_id: int
    ) -> AsyncGenerator[PgPublication, None]:
        async with connected(self._pool) as connection, connection.transaction(isolation="read_committed"):
            status = await connection.fetchval(
                self.HOLD_MEDIA_FILE, owner.user_id, owner.live, recording_id, media_file_id
            )
            if status is None:
                raise NotFound("Media file not found")
            if status != "pending":
                raise Conflict("The upload is completed")
            yield PgPublication(connection, media_file_id)

    COMPLETE_UPLOAD: Final = """
        UPDATE media_files
        SET status = 'uploaded', format = $4, content_type = $5, size = $6, etag = $7, object_modified_at = $8,
            duration_seconds = $9, metadata = $10
        WHERE recording_id = $1 AND id = $2 AND status = 'pending' AND etag IS NOT DISTINCT FROM $3
        RETURNING true
    """
    COMPLETE_RECORDING: Final = """
        UPDATE recordings SET status = $2, completed_at = CASE WHEN $2 = 'completed' THEN now() END
        WHERE id = $1 AND status = 'pending'
    """

    async def complete_uploads(
        self,
        owner: Owner,
        recording_id: int,
        found: Sequence[VerifiedUpload],
        limits: UploadLimits,
        status: RecordingStatus = "uploaded",
    ) -> bool:
        try:
            async with connected(self._pool) as connection, connection.transaction(isolation="read_committed"):
                await lock_account(connection, owner, limits)
                owned = await connection.fetchval(self.LOCK_RECORDING, owner.user_id, owner.live, recording_id)
                for upload in found:
                    await self._complete(connection, owned, upload)
                await check_total(connection, owner, limits, added=0)
                await connection.execute(self.COMPLETE_RECORDING, recording_id, status)
        except _Outdated:
            return False
        return True

    async def _complete(
        self, connection: PoolConnectionProxy, recording_id: int | None, upload: VerifiedUpload
    ) -> None:
        """Complete one file of the recording; raises _Outdated if there is no such pending version of it."""
        done = await connection.fetchval(
            self.COMPLETE_UPLOAD,
            recording_id,
            upload.media_file_id,
            upload.expected_etag,
            upload.format,
            upload.content_type,
            upload.size,
            upload.etag,
            upload.object_modified_at,
            upload.duration_seconds,
            upload.metadata,
        )
        if done is None:
            raise _Outdated

    REMOVE_UPLOAD: Final = """
        DELETE FROM media_files m USING recordings r
        WHERE r.user_id = $1 AND r.live = $2 AND r.id = $3 AND m.recording_id = r.id AND m.id = $4
          AND m.status = 'pending'
        RETURNING true
    """

    async def remove_upload(self, owner: Owner, recording_id: int, media_file_id: int) -> bool:
        async with connected(self._pool) as connection:
            gone = await connection.fetchval(self.REMOVE_UPLOAD, owner.user_id, owner.live, recording_id, media_file_id)
        return gone is not None

    # A row that is held at this moment is being published or completed: it is left alone. So is one that has chunks.
    REMOVE_ABANDONED_UPLOADS: Final = """
        WITH abandoned AS (
            SELECT id FROM media_files m WHERE status = 'pending' AND created_at < now() - $1::interval
              AND NOT EXISTS (SELECT FROM session_chunks c WHERE c.media_file_id = m.id)
            ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED
        ), gone AS (
            DELETE FROM media_files m USING abandoned a WHERE m.id = a.id RETURNING m.id
        )
        SELECT count(*) FROM gone
    """

    async def remove_abandoned_uploads(self, *, older_than_seconds: float, limit: int) -> int:
        async with connected(self._pool) as connection:
            return int(
                await connection.fetchval(self.REMOVE_ABANDONED_UPLOADS, timedelta(seconds=older_than_seconds), limit)
            )


class _Outdated(Exception):
    """What was found in storage is not what is there now; it rolls the transaction back."""
