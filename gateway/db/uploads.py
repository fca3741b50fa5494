"""Pending media files in PostgreSQL, and the locks that separate completion from deletion.

Completion locks the recording, then its rows. A file whose object was published again since it was verified, or is
being published now, is not completed (`upload_writers`).
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from asyncpg.pool import PoolConnectionProxy

from gateway.catalog import (
    IdempotencyKey,
    MediaFile,
    NewUpload,
    Owner,
    UploadCatalog,
    UploadLimits,
    VerifiedUpload,
)
from gateway.db.idempotency import find_response, store_response
from gateway.db.pending_media import check_total, insert_upload, lock_account
from gateway.db.pool import Tables, storable
from gateway.db.rows import measured, media_file, read_row
from gateway.errors import Conflict


class PgUploads(Tables, UploadCatalog):
    """UploadCatalog in the table media_files."""

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
        async with self._transaction() as connection:
            await lock_account(connection, owner, limits)
            if await connection.fetchval(self.LOCK_RECORDING, owner.user_id, owner.live, recording_id) is None:
                return None
            if key is not None and (response := await find_response(connection, owner, key)) is not None:
                return await self._renew(connection, int(response), upload)
            added = await insert_upload(connection, owner, recording_id, upload, limits)
            if key is not None:
                await store_response(connection, owner, key, str(added.id))
            return added

    # A renewed URL permits writing for as long as a new one.
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

    # In a statement of its own, so that the next one sees what a publication committed before it released the row.
    LOCK_MEDIA_FILES: Final = "SELECT id FROM media_files WHERE id = ANY($1) ORDER BY id FOR UPDATE"
    COMPLETE_UPLOAD: Final = """
        UPDATE media_files
        SET status = 'uploaded', type = $4, format = $5, content_type = $6, storage = $7, object_key = $8, size = $9,
            etag = $10, object_modified_at = $11, duration_seconds = $12, metadata = $13
        WHERE recording_id = $1 AND id = $2 AND status = 'pending' AND etag IS NOT DISTINCT FROM $3 AND NOT EXISTS (
            SELECT FROM upload_writers w WHERE w.media_file_id = $2 AND w.is_publishing AND w.leased_until > now()
        )
        RETURNING true
    """
    COMPLETE_RECORDING: Final = "UPDATE recordings SET status = 'uploaded' WHERE id = $1 AND status = 'pending'"

    async def complete_uploads(
        self, owner: Owner, recording_id: int, found: Sequence[VerifiedUpload], limits: UploadLimits
    ) -> bool:
        try:
            async with self._transaction() as connection:
                await lock_account(connection, owner, limits)
                owned = await connection.fetchval(self.LOCK_RECORDING, owner.user_id, owner.live, recording_id)
                await connection.execute(self.LOCK_MEDIA_FILES, [upload.media_file_id for upload in found])
                for upload in found:
                    await self._complete(connection, owned, upload)
                await check_total(connection, owner, limits, added=0)
                await connection.execute(self.COMPLETE_RECORDING, recording_id)
        except _Outdated:
            return False
        return True

    async def _complete(
        self, connection: PoolConnectionProxy, recording_id: int | None, upload: VerifiedUpload
    ) -> None:
        """Complete one file of the recording; raises _Outdated if there is no such pending version of it."""
        version = (recording_id, upload.media_file_id, upload.expected_etag)
        if await connection.fetchval(self.COMPLETE_UPLOAD, *version, *measured(upload.found)) is None:
            raise _Outdated

    REMOVE_UPLOAD: Final = """
        WITH recording AS (
            SELECT id FROM recordings WHERE user_id = $1 AND live = $2 AND id = $3 FOR NO KEY UPDATE
        )
        DELETE FROM media_files m USING recording r WHERE m.recording_id = r.id AND m.id = $4 AND m.status = 'pending'
        RETURNING true
    """

    async def remove_upload(self, owner: Owner, recording_id: int, media_file_id: int) -> bool:
        deleted = await self._value(self.REMOVE_UPLOAD, owner.user_id, owner.live, recording_id, media_file_id)
        return deleted is not None

    # A row that is locked now, or whose recording is, is being completed, and is skipped. So is one that has chunks.
    REMOVE_ABANDONED_UPLOADS: Final = """
        WITH abandoned AS (
            SELECT m.id FROM media_files m JOIN recordings r ON r.id = m.recording_id
            WHERE m.status = 'pending' AND m.created_at < now() - $1::interval
              AND NOT EXISTS (SELECT FROM session_chunks c WHERE c.media_file_id = m.id)
              AND NOT EXISTS (
                  SELECT FROM upload_writers w WHERE w.media_file_id = m.id AND w.is_publishing AND w.leased_until > now()
              )
              AND NOT EXISTS (SELECT FROM upload_sessions s WHERE s.media_file_id = m.id AND s.joined < s.changed)
            ORDER BY m.created_at LIMIT $2 FOR NO KEY UPDATE OF r SKIP LOCKED FOR UPDATE OF m SKIP LOCKED
        ), deleted AS (
            DELETE FROM media_files m USING abandoned a WHERE m.id = a.id RETURNING m.id
        )
        SELECT count(*) FROM deleted
    """

    async def remove_abandoned_uploads(self, *, older_than_seconds: float, limit: int) -> int:
        return int(await self._value(self.REMOVE_ABANDONED_UPLOADS, timedelta(seconds=older_than_seconds), limit))


class _Outdated(Exception):
    """The file is no longer as it was when it was verified; raised to roll the transaction back."""
