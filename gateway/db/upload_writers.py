"""The writers of pending media files in PostgreSQL: leases by the server's clock, and the bytes that are stored.

While an object becomes visible (fsync, rename, a call to S3), no database connection is held. The lease prevents
completion meanwhile; if the file is deleted meanwhile, its object is deleted later.
"""

from datetime import datetime, timedelta
from typing import Final

import asyncpg

from gateway.catalog import MediaFile, Owner, Publication, UploadLimits, UploadWriters
from gateway.db.pending_media import check_total, lock_account
from gateway.db.pool import Tables
from gateway.errors import Busy, Conflict, NotFound

# If a file is deleted while it is published, and the publisher dies, its object is deleted after this time.
_DELETION_WAITS: Final = timedelta(minutes=10)


class PgUploadWriters(Tables, UploadWriters):
    """UploadWriters in the table upload_writers."""

    BEGIN_WRITING: Final = """
        INSERT INTO upload_writers AS w (media_file_id, writer, leased_until) VALUES ($1, 1, now() + $2::interval)
        ON CONFLICT (media_file_id) DO UPDATE
            SET writer = w.writer + 1, leased_until = EXCLUDED.leased_until, is_publishing = false
            WHERE w.leased_until IS NULL OR w.leased_until <= now()
        RETURNING writer
    """

    async def begin_writing(self, media_file_id: int, *, lease_seconds: float) -> int | None:
        lease = timedelta(seconds=lease_seconds)
        try:
            writer: int | None = await self._value(self.BEGIN_WRITING, media_file_id, lease)
        except asyncpg.ForeignKeyViolationError:
            raise NotFound("Media file not found") from None
        return writer

    EXTEND_WRITING: Final = """
        UPDATE upload_writers SET leased_until = now() + $3::interval WHERE media_file_id = $1 AND writer = $2
        RETURNING true
    """

    async def extend_writing(self, media_file_id: int, writer: int, *, lease_seconds: float) -> bool:
        lease = timedelta(seconds=lease_seconds)
        return await self._value(self.EXTEND_WRITING, media_file_id, writer, lease) is not None

    END_WRITING: Final = """
        UPDATE upload_writers SET leased_until = NULL, is_publishing = false WHERE media_file_id = $1 AND writer = $2
    """

    async def end_writing(self, media_file_id: int, writer: int) -> None:
        await self._run(self.END_WRITING, media_file_id, writer)

    LOCK_PENDING: Final = """
        SELECT m.status FROM media_files m JOIN recordings r ON r.id = m.recording_id
        WHERE r.user_id = $1 AND r.live = $2 AND r.id = $3 AND m.id = $4
        FOR UPDATE OF m
    """
    BEGIN_PUBLISHING: Final = """
        UPDATE upload_writers SET is_publishing = true, leased_until = now() + $3::interval
        WHERE media_file_id = $1 AND writer = $2 AND leased_until IS NOT NULL
        RETURNING true
    """
    DELAY_DELETION: Final = """
        WITH before AS (SELECT upload_expires_at AS at FROM media_files WHERE id = $1)
        UPDATE media_files m SET upload_expires_at = greatest(before.at, now() + $2::interval)
        FROM before WHERE m.id = $1
        RETURNING m.upload_expires_at AS until, before.at AS before
    """

    async def begin_publishing(
        self, owner: Owner, media: MediaFile, writer: int, *, lease_seconds: float
    ) -> Publication:
        async with self._transaction() as connection:
            _require_pending(
                await connection.fetchval(self.LOCK_PENDING, owner.user_id, owner.live, media.recording_id, media.id)
            )
            lease = timedelta(seconds=lease_seconds)
            if await connection.fetchval(self.BEGIN_PUBLISHING, media.id, writer, lease) is None:
                raise Busy("Another request is sending this file", retry_after_seconds=1)
            row = await connection.fetchrow(self.DELAY_DELETION, media.id, _DELETION_WAITS)
            return Publication(**dict(row or {}))

    # If a renewed URL has extended the time meanwhile, the extended time stays.
    RECORD_PUBLICATION: Final = """
        UPDATE media_files
        SET etag = $2, object_modified_at = $3,
            upload_expires_at = CASE WHEN upload_expires_at = $4 THEN $5 ELSE upload_expires_at END
        WHERE id = $1 AND status = 'pending'
        RETURNING true
    """
    # The entry that the deletion queued may have been processed before the object became visible.
    HASTEN_DELETION: Final = """
        INSERT INTO object_deletions (storage, object_key) SELECT $1, $2
        WHERE NOT EXISTS (SELECT FROM media_files WHERE storage = $1 AND object_key = $2)
        ON CONFLICT (storage, object_key) DO UPDATE SET due_at = greatest(now(), $3)
    """

    async def record_publication(
        self, media: MediaFile, publication: Publication, *, etag: str, object_modified_at: datetime
    ) -> None:
        until, before = publication.until, publication.before
        async with self._transaction() as connection:
            recorded = await connection.fetchval(
                self.RECORD_PUBLICATION, media.id, etag, object_modified_at, until, before
            )
            if recorded is None:
                await connection.execute(self.HASTEN_DELETION, media.storage, media.object_key, before)
                status = await connection.fetchval(self.FIND_STATUS, media.id)
        if recorded is None:
            _require_pending(status)

    FIND_STATUS: Final = "SELECT status FROM media_files WHERE id = $1"

    RECORD_STORED: Final = """
        INSERT INTO upload_writers (media_file_id, stored_bytes)
            SELECT id, $2 FROM media_files WHERE id = $1 AND status = 'pending'
        ON CONFLICT (media_file_id) DO UPDATE SET stored_bytes = EXCLUDED.stored_bytes
    """

    async def record_stored(self, owner: Owner, media_file_id: int, size: int, limits: UploadLimits) -> None:
        async with self._transaction() as connection:
            await lock_account(connection, owner, limits)
            await connection.execute(self.RECORD_STORED, media_file_id, size)
            await check_total(connection, owner, limits, added=0)

    DROP_UPLOAD: Final = """
        WITH recording AS (
            SELECT id FROM recordings WHERE id = (SELECT recording_id FROM media_files WHERE id = $1) FOR NO KEY UPDATE
        )
        DELETE FROM media_files m USING recording r
        WHERE m.recording_id = r.id AND m.id = $1 AND m.status = 'pending' AND m.etag IS NULL AND NOT EXISTS (
            SELECT FROM upload_writers w WHERE w.media_file_id = m.id AND w.leased_until > now()
        )
        RETURNING true
    """

    async def drop_upload(self, media_file_id: int) -> bool:
        return await self._value(self.DROP_UPLOAD, media_file_id) is not None


def _require_pending(status: str | None) -> None:
    if status is None:
        raise NotFound("Media file not found")
    if status != "pending":
        raise Conflict("The upload is completed")
