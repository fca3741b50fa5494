"""The sessions of meeting bots in PostgreSQL: one recording for a session, one media file for each of its types.

Chunks and publications of one session happen one after another: each locks the session's recording.
"""

from datetime import timedelta
from typing import Final

from asyncpg.pool import PoolConnectionProxy

from gateway.catalog import (
    Arrival,
    MediaFile,
    NewChunk,
    NewUpload,
    Owner,
    SessionUploads,
    StoredChunk,
    UploadLimits,
    UploadSession,
)
from gateway.db.pending_media import check_total, insert_upload, lock_account
from gateway.db.pool import Tables, connected
from gateway.db.rows import media_file, read_row
from gateway.db.session_joins import withdraw
from gateway.errors import NotFound, Unavailable


class PgSessionUploads(Tables, SessionUploads):
    """SessionUploads in the tables bot_sessions, upload_sessions and session_chunks."""

    FIND_BOT_SESSION: Final = """
        SELECT r.id FROM bot_sessions b JOIN recordings r ON r.id = b.recording_id
        WHERE b.user_id = $1 AND b.live = $2 AND b.session_uid = $3
        FOR UPDATE OF r
    """
    # Waits for another transaction that claims the same session. A row that exists is not locked: the deletion of its
    # recording, which is locked first, would wait for it.
    CLAIM_BOT_SESSION: Final = """
        INSERT INTO bot_sessions (user_id, live, session_uid) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING RETURNING true
    """
    SET_SESSION_RECORDING: Final = """
        UPDATE bot_sessions SET recording_id = $4 WHERE user_id = $1 AND live = $2 AND session_uid = $3
    """
    FIND_SESSION_RECORDING: Final = """
        SELECT id FROM recordings WHERE user_id = $1 AND live = $2 AND session_uid = $3
        ORDER BY created_at DESC, id DESC LIMIT 1
        FOR UPDATE
    """
    ADD_SESSION_RECORDING: Final = """
        INSERT INTO recordings (user_id, live, session_uid, source, status) VALUES ($1, $2, $3, 'bot', 'pending')
        RETURNING id
    """
    FIND_SESSION: Final = """
        SELECT to_json(m), s.is_closed, coalesce(
            (SELECT sum(c.size) FROM session_chunks c WHERE c.media_file_id = s.media_file_id), 0
        )::bigint
        FROM upload_sessions s JOIN media_files m ON m.id = s.media_file_id WHERE s.recording_id = $1 AND s.type = $2
    """
    ADD_SESSION: Final = """
        INSERT INTO upload_sessions (media_file_id, recording_id, type, changed, due_at)
        VALUES ($1, $2, $3, 1, now() + $4::interval)
    """

    async def ensure_session(
        self, owner: Owner, session_uid: str, upload: NewUpload, limits: UploadLimits, *, due_in_seconds: float
    ) -> UploadSession:
        async with self._transaction() as connection:
            await lock_account(connection, owner, limits)
            recording_id = await self._ensure_recording(connection, owner, session_uid)
            row = await connection.fetchrow(self.FIND_SESSION, recording_id, upload.type)
            if row is not None and (found := read_row(media_file, row[0])) is not None:
                return UploadSession(owner, found, row[1], row[2])
            added = await insert_upload(connection, owner, recording_id, upload, limits)
            await connection.execute(
                self.ADD_SESSION, added.id, recording_id, upload.type, timedelta(seconds=due_in_seconds)
            )
            return UploadSession(owner, added, is_closed=False, received_bytes=0)

    async def _ensure_recording(self, connection: PoolConnectionProxy, owner: Owner, session_uid: str) -> int:
        """The recording of the session, locked; it is created for the first chunk."""
        session = (owner.user_id, owner.live, session_uid)
        found = await connection.fetchval(self.FIND_BOT_SESSION, *session)
        if found is None and await connection.fetchval(self.CLAIM_BOT_SESSION, *session):
            found = await connection.fetchval(self.FIND_SESSION_RECORDING, *session)
            found = found or await connection.fetchval(self.ADD_SESSION_RECORDING, *session)
            await connection.execute(self.SET_SESSION_RECORDING, *session, found)
        found = found or await connection.fetchval(self.FIND_BOT_SESSION, *session)
        if found is None:
            raise Unavailable("The session's recording is being deleted", retry_after_seconds=1)
        return int(found)

    EXPECT_OBJECT: Final = """
        INSERT INTO object_deletions (storage, object_key, due_at) VALUES ($1, $2, now() + $3::interval)
        ON CONFLICT (storage, object_key) DO UPDATE SET due_at = EXCLUDED.due_at
    """

    async def expect_object(self, storage: str, object_key: str, *, seconds: float) -> None:
        await self._run(self.EXPECT_OBJECT, storage, object_key, timedelta(seconds=seconds))

    LOCK_SESSION: Final = """
        WITH recording AS (SELECT id FROM recordings WHERE id = $1 FOR NO KEY UPDATE)
        SELECT true FROM upload_sessions s JOIN recording r ON r.id = s.recording_id
        WHERE s.media_file_id = $2 FOR UPDATE OF s
    """
    FIND_CHUNK: Final = """
        SELECT id, number, size, digest, container, object_key, object_size, closes FROM session_chunks
        WHERE media_file_id = $1 AND (number = $2 OR ($2::integer IS NULL AND digest = $3))
        ORDER BY id LIMIT 1
    """
    ADD_CHUNK: Final = """
        INSERT INTO session_chunks (media_file_id, number, size, digest, container, storage, object_key, object_size, closes)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $3, $8)
        RETURNING id, number, size, digest, container, object_key, object_size, closes
    """
    REMOVE_CHUNK: Final = """
        WITH recording AS (
            SELECT id FROM recordings WHERE id = (
                SELECT m.recording_id FROM session_chunks c JOIN media_files m ON m.id = c.media_file_id WHERE c.id = $1
            ) FOR NO KEY UPDATE
        )
        DELETE FROM session_chunks c USING recording WHERE c.id = $1
    """
    # A chunk that was joined meanwhile stays: the object that it shares contains its bytes.
    REMOVE_REPLACED: Final = "DELETE FROM session_chunks WHERE id = $1 AND object_size = size"

    async def record_chunk(
        self,
        session: UploadSession,
        chunk: NewChunk,
        arrival: Arrival,
        limits: UploadLimits,
        *,
        replaces: int | None = None,
    ) -> StoredChunk:
        async with self._transaction() as connection:
            media_file_id = session.media.id
            await lock_account(connection, session.owner, limits)
            if await connection.fetchval(self.LOCK_SESSION, session.media.recording_id, media_file_id) is None:
                raise NotFound("Recording not found")
            if replaces is not None:
                await connection.execute(self.REMOVE_REPLACED, replaces)
            row = await connection.fetchrow(self.FIND_CHUNK, media_file_id, chunk.number, chunk.digest)
            found = None if row is None else StoredChunk(**row)
            if found is None or (arrival.closes and found.digest == chunk.digest):
                count = None if chunk.number is None or not arrival.closes else chunk.number + 1
                await self._change(connection, media_file_id, arrival, count, 1 if found is None else 0)
            if found is None:
                found = await self._add(connection, session.media, chunk, closes=arrival.closes)
                await check_total(connection, session.owner, limits, added=0)
            return found

    async def _add(
        self, connection: PoolConnectionProxy, media: MediaFile, chunk: NewChunk, *, closes: bool
    ) -> StoredChunk:
        await withdraw(connection, media.storage, chunk.object_key)
        row = await connection.fetchrow(
            self.ADD_CHUNK,
            media.id,
            chunk.number,
            chunk.size,
            chunk.digest,
            chunk.container,
            media.storage,
            chunk.object_key,
            closes,
        )
        return StoredChunk(**dict(row or {}))

    # A session that is closed for the first time is joined, even if a join without its final was published.
    CHANGE_SESSION: Final = """
        UPDATE upload_sessions
        SET changed = changed + CASE
                WHEN $5::integer > 0 OR ($2 AND NOT is_closed) OR coalesce(chunk_count, 0) < $3::integer THEN 1 ELSE 0
            END,
            is_closed = is_closed OR $2, chunk_count = greatest(chunk_count, $3::integer),
            due_at = now() + $4::interval
        WHERE media_file_id = $1
    """

    async def _change(
        self, connection: PoolConnectionProxy, media_file_id: int, arrival: Arrival, count: int | None, added: int
    ) -> None:
        due = timedelta(seconds=arrival.due_in_seconds)
        await connection.execute(self.CHANGE_SESSION, media_file_id, arrival.closes, count, due, added)

    async def close_session(self, media_file_id: int, *, chunk_count: int | None) -> None:
        async with connected(self._pool) as connection:
            await self._change(connection, media_file_id, Arrival(closes=True, due_in_seconds=0), chunk_count, 0)

    async def forget_chunk(self, chunk_id: int) -> None:
        await self._run(self.REMOVE_CHUNK, chunk_id)

    SET_CHUNK_ASIDE: Final = "UPDATE session_chunks SET number = NULL WHERE id = $1"

    async def set_chunk_aside(self, chunk_id: int) -> None:
        await self._run(self.SET_CHUNK_ASIDE, chunk_id)
