"""The writers of pending media files in PostgreSQL: leases by the server's clock, and the bytes that are stored."""

from datetime import timedelta
from typing import Final

import asyncpg

from gateway.catalog import Owner, UploadLimits, UploadWriters
from gateway.db.pending import check_total, lock_account
from gateway.db.pool import connected
from gateway.errors import NotFound


class PgUploadWriters(UploadWriters):
    """The leases, each call on a connection of its own."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    BEGIN_WRITING: Final = """
        INSERT INTO upload_writers AS w (media_file_id, writer, leased_until) VALUES ($1, 1, now() + $2::interval)
        ON CONFLICT (media_file_id) DO UPDATE SET writer = w.writer + 1, leased_until = EXCLUDED.leased_until
            WHERE w.leased_until IS NULL OR w.leased_until <= now()
        RETURNING writer
    """

    async def begin_writing(self, media_file_id: int, *, lease_seconds: float) -> int | None:
        lease = timedelta(seconds=lease_seconds)
        try:
            async with connected(self._pool) as connection:
                writer: int | None = await connection.fetchval(self.BEGIN_WRITING, media_file_id, lease)
        except asyncpg.ForeignKeyViolationError:
            raise NotFound("Media file not found") from None
        return writer

    KEEP_WRITING: Final = """
        UPDATE upload_writers SET leased_until = now() + $3::interval WHERE media_file_id = $1 AND writer = $2
        RETURNING true
    """

    async def keep_writing(self, media_file_id: int, writer: int, *, lease_seconds: float) -> bool:
        lease = timedelta(seconds=lease_seconds)
        async with connected(self._pool) as connection:
            return await connection.fetchval(self.KEEP_WRITING, media_file_id, writer, lease) is not None

    END_WRITING: Final = "UPDATE upload_writers SET leased_until = NULL WHERE media_file_id = $1 AND writer = $2"

    async def end_writing(self, media_file_id: int, writer: int) -> None:
        async with connected(self._pool) as connection:
            await connection.execute(self.END_WRITING, media_file_id, writer)

    RECORD_STORED: Final = """
        INSERT INTO upload_writers (media_file_id, stored_bytes)
            SELECT id, $2 FROM media_files WHERE id = $1 AND status = 'pending'
        ON CONFLICT (media_file_id) DO UPDATE SET stored_bytes = EXCLUDED.stored_bytes
    """

    async def record_stored(self, owner: Owner, media_file_id: int, size: int, limits: UploadLimits) -> None:
        async with connected(self._pool) as connection, connection.transaction(isolation="read_committed"):
            await lock_account(connection, owner, limits)
            await connection.execute(self.RECORD_STORED, media_file_id, size)
            await check_total(connection, owner, limits, added=0)

    DROP_UPLOAD: Final = """
        DELETE FROM media_files m WHERE id = $1 AND status = 'pending' AND etag IS NULL AND NOT EXISTS (
            SELECT FROM upload_writers w WHERE w.media_file_id = m.id AND w.leased_until > now()
        )
        RETURNING true
    """

    async def drop_upload(self, media_file_id: int) -> bool:
        async with connected(self._pool) as connection:
            return await connection.fetchval(self.DROP_UPLOAD, media_file_id) is not None
