"""The media files of all owners in PostgreSQL, for `seekgate verify`."""

from collections.abc import Sequence
from typing import Final

from gateway.catalog import MediaFile, NewMedia
from gateway.catalog.media_audit import MediaAudit
from gateway.db.pool import Tables
from gateway.db.rows import measured, media_file, read_rows


class PgMediaAudit(Tables, MediaAudit):
    """MediaAudit in the table media_files."""

    LIST_AUDITED: Final = """
        SELECT to_json(m) FROM media_files m
        WHERE id > $1 AND status = 'uploaded'
          AND ($3 OR missing_at IS NOT NULL OR (duration_seconds IS NULL AND type <> 'image'))
        ORDER BY id LIMIT $2
    """

    async def list_media(self, after_id: int, *, limit: int, every: bool) -> Sequence[MediaFile]:
        rows = await self._rows(self.LIST_AUDITED, after_id, limit, every)
        return read_rows(media_file, (text for (text,) in rows))

    COUNT_AUDITED: Final = """
        SELECT count(*) FROM media_files
        WHERE id > 0 AND status = 'uploaded'
          AND ($1 OR missing_at IS NOT NULL OR (duration_seconds IS NULL AND type <> 'image'))
    """

    async def count_media(self, *, every: bool) -> int:
        return int(await self._value(self.COUNT_AUDITED, every))

    CORRECT_MEDIA: Final = """
        WITH recording AS (
            SELECT id FROM recordings WHERE id = (SELECT recording_id FROM media_files WHERE id = $1) FOR NO KEY UPDATE
        )
        UPDATE media_files m
        SET type = $3, format = $4, content_type = $5, storage = $6, object_key = $7, size = $8, etag = $9,
            object_modified_at = $10, duration_seconds = $11, metadata = $12, missing_at = NULL
        FROM recording r
        WHERE m.recording_id = r.id AND m.id = $1 AND etag IS NOT DISTINCT FROM $2 AND storage = $6 AND object_key = $7
          AND status = 'uploaded'
        RETURNING true
    """

    async def correct_media(self, media: MediaFile, facts: NewMedia) -> bool:
        return bool(await self._value(self.CORRECT_MEDIA, media.id, media.etag, *measured(facts)))
