"""What meeting bots send, in PostgreSQL: one recording for a session, one media file for each of its types.

Knows: that bots repeat themselves, and that two of them may begin at once. Refuses to know: bytes.
"""

from typing import Final

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from gateway.catalog import MediaFile, NewUpload, Owner, SessionUploads, UploadLimits
from gateway.db.pending import insert_upload, lock_account
from gateway.db.pool import connected
from gateway.db.registration import LOCK_NAME
from gateway.db.rows import media_file, read_row


class PgSessionUploads(SessionUploads):
    """The sessions' uploads, each call on a connection of its own."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    FIND_SESSION_RECORDING: Final = """
        SELECT id FROM recordings WHERE user_id = $1 AND live = $2 AND session_uid = $3
        ORDER BY created_at DESC, id DESC LIMIT 1
        FOR UPDATE
    """
    ADD_SESSION_RECORDING: Final = """
        INSERT INTO recordings (user_id, live, session_uid, source, status) VALUES ($1, $2, $3, 'bot', 'pending')
        RETURNING id
    """
    FIND_SESSION_UPLOAD: Final = """
        SELECT to_json(m) FROM media_files m WHERE recording_id = $1 AND type = $2
        ORDER BY created_at DESC, id DESC LIMIT 1
    """

    async def ensure_session_upload(
        self, owner: Owner, session_uid: str, upload: NewUpload, limits: UploadLimits
    ) -> MediaFile:
        async with connected(self._pool) as connection, connection.transaction(isolation="read_committed"):
            await lock_account(connection, owner, limits)
            await connection.execute(LOCK_NAME, f"session {owner.user_id} {owner.live} {session_uid}")
            recording_id = await self._ensure_recording(connection, owner, session_uid)
            row = await connection.fetchval(self.FIND_SESSION_UPLOAD, recording_id, upload.type)
            found = read_row(media_file, row)
            return found or await insert_upload(connection, owner, recording_id, upload, limits)

    async def _ensure_recording(self, connection: PoolConnectionProxy, owner: Owner, session_uid: str) -> int:
        session = (owner.user_id, owner.live, session_uid)
        found = await connection.fetchval(self.FIND_SESSION_RECORDING, *session)
        return int(found or await connection.fetchval(self.ADD_SESSION_RECORDING, *session))

    RECORD_CHUNK: Final = """
        UPDATE media_files SET metadata = jsonb_build_object('chunks', $2::integer, 'bytes', $3::bigint)
        WHERE id = $1 AND status = 'pending' AND coalesce((metadata ->> 'chunks')::integer, 0) = $2 - 1
        RETURNING true
    """

    async def record_chunk(self, media_file_id: int, *, chunks: int, size: int) -> bool:
        async with connected(self._pool) as connection:
            return await connection.fetchval(self.RECORD_CHUNK, media_file_id, chunks, size) is not None
