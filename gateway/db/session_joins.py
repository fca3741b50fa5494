"""SessionJoins in PostgreSQL: claims on bots' sessions, and the publication of the files joined from their chunks.

An object is named by a media file or by chunks. It is queued for deletion only when no row names it any more.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Final

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from gateway.catalog import Owner, SessionClaim, SessionFile, SessionJoins, StoredChunk
from gateway.db.pool import Tables
from gateway.db.registration import REPLACE_MEDIA_FILE, WITHDRAW_DELETION
from gateway.db.rows import measured, media_file, read_row
from gateway.errors import Unavailable


class PgSessionJoins(Tables, SessionJoins):
    """SessionJoins in the table upload_sessions.

    `forget` is called with the id of each recording whose file was published, so that the bot that just got its
    response sees the effect immediately; the notification may arrive later.
    """

    def __init__(self, pool: asyncpg.Pool, forget: Callable[[int], None]) -> None:
        super().__init__(pool)
        self._forget = forget

    CLAIM_SESSION: Final = """
        UPDATE upload_sessions SET lease = lease + 1, leased_until = now() + $2::interval
        WHERE media_file_id = $1 AND joined < changed AND (leased_until IS NULL OR leased_until <= now())
        RETURNING lease, changed, chunk_count
    """
    FIND_CLAIMED_MEDIA: Final = """
        SELECT to_json(m), r.user_id, r.live FROM media_files m JOIN recordings r ON r.id = m.recording_id
        WHERE m.id = $1
    """
    LIST_CHUNKS: Final = """
        SELECT id, number, size, digest, container, object_key, object_size, closes
        FROM session_chunks WHERE media_file_id = $1
        ORDER BY number NULLS LAST, id
    """

    async def claim_session(self, media_file_id: int, *, lease_seconds: float) -> SessionClaim | None:
        async with self._transaction() as connection:
            lease = timedelta(seconds=lease_seconds)
            claimed = await connection.fetchrow(self.CLAIM_SESSION, media_file_id, lease)
            row = await connection.fetchrow(self.FIND_CLAIMED_MEDIA, media_file_id) if claimed else None
            media = read_row(media_file, row[0]) if row else None
            if claimed is None or row is None or media is None:
                return None
            chunks = tuple(StoredChunk(**each) for each in await connection.fetch(self.LIST_CHUNKS, media_file_id))
            return SessionClaim(claimed[0], claimed[1], Owner(row[1], row[2]), media, claimed[2], chunks)

    FIND_UNJOINED: Final = "SELECT true FROM upload_sessions WHERE media_file_id = $1 AND joined < changed"

    async def is_joined(self, media_file_id: int) -> bool:
        return await self._value(self.FIND_UNJOINED, media_file_id) is None

    LIST_DUE_SESSIONS: Final = """
        SELECT media_file_id FROM upload_sessions
        WHERE joined < changed AND due_at <= now() AND (leased_until IS NULL OR leased_until <= now())
        ORDER BY due_at LIMIT $1
    """

    async def list_due_sessions(self, *, limit: int) -> Sequence[int]:
        return tuple(row[0] for row in await self._rows(self.LIST_DUE_SESSIONS, limit))

    EXTEND_CLAIM: Final = """
        UPDATE upload_sessions SET leased_until = now() + $3::interval WHERE media_file_id = $1 AND lease = $2
        RETURNING true
    """

    async def extend_claim(self, claim: SessionClaim, *, lease_seconds: float) -> bool:
        lease = timedelta(seconds=lease_seconds)
        return await self._value(self.EXTEND_CLAIM, claim.media.id, claim.lease, lease) is not None

    POSTPONE_SESSION: Final = """
        UPDATE upload_sessions SET leased_until = NULL, due_at = now() + $3::interval
        WHERE media_file_id = $1 AND lease = $2
    """

    async def postpone_session(self, claim: SessionClaim, *, seconds: float) -> None:
        await self._run(self.POSTPONE_SESSION, claim.media.id, claim.lease, timedelta(seconds=seconds))

    LOCK_RECORDING_OF_SESSION: Final = "SELECT id FROM recordings WHERE id = $1 FOR NO KEY UPDATE"
    FINISH_SESSION: Final = """
        UPDATE upload_sessions SET joined = $3, fault = $4, leased_until = NULL WHERE media_file_id = $1 AND lease = $2
        RETURNING true
    """
    # A recording is completed by its first file that plays; without one it failed.
    COMPLETE_SESSION_RECORDING: Final = """
        UPDATE recordings r
        SET status = done.status, error_message = done.fault,
            completed_at = CASE WHEN done.status = 'completed' THEN coalesce(r.completed_at, now()) END
        FROM (
            SELECT CASE WHEN bool_or(m.status = 'uploaded') THEN 'completed' ELSE 'failed' END AS status,
                   string_agg(s.fault, '; ' ORDER BY s.type) AS fault
            FROM upload_sessions s JOIN media_files m ON m.id = s.media_file_id WHERE s.recording_id = $1
        ) done
        WHERE r.id = $1
    """

    async def publish_session(self, claim: SessionClaim, file: SessionFile | None, fault: str | None) -> bool:
        async with self._transaction() as connection:
            await connection.execute(self.LOCK_RECORDING_OF_SESSION, claim.media.recording_id)
            finished = await connection.fetchval(self.FINISH_SESSION, claim.media.id, claim.lease, claim.changed, fault)
            if finished is not None and file is not None:
                await _replace(connection, claim, file)
            if finished is not None:
                await connection.execute(self.COMPLETE_SESSION_RECORDING, claim.media.recording_id)
        self._forget(claim.media.recording_id)
        return finished is not None


async def withdraw(connection: PoolConnectionProxy, storage: str, object_key: str) -> None:
    """Take an object that was expected out of the deletion queue. Raises Unavailable if it is being deleted."""
    done = await connection.execute(WITHDRAW_DELETION, storage, object_key)
    if not done.endswith(" 1"):
        raise Unavailable("The upload took too long, and what was stored of it is being deleted", retry_after_seconds=1)


# If a chunk was replaced during the join, the object contains bytes that must not play again: then no chunk shares it.
SHARE_OBJECT: Final = """
    UPDATE session_chunks SET object_key = $2, object_size = $3
    WHERE id = ANY($1) AND (SELECT count(*) FROM session_chunks WHERE id = ANY($1)) = cardinality($1)
"""
# $3 is the object that was readable until now: clients may still be reading it.
QUEUE_UNNAMED: Final = """
    INSERT INTO object_deletions (storage, object_key, due_at)
        SELECT $1, old.object_key, now() + CASE WHEN old.object_key = $3 THEN interval '10 minutes' ELSE '0' END
        FROM unnest($2::text[]) AS old (object_key)
        WHERE NOT EXISTS (SELECT FROM session_chunks c WHERE c.storage = $1 AND c.object_key = old.object_key)
          AND NOT EXISTS (SELECT FROM media_files m WHERE m.storage = $1 AND m.object_key = old.object_key)
    ON CONFLICT (storage, object_key) DO NOTHING
"""


async def _replace(connection: PoolConnectionProxy, claim: SessionClaim, file: SessionFile) -> None:
    media, found = claim.media, file.found
    # The key of a pending file names no object, unless a chunk has it too.
    named = {chunk.object_key for chunk in claim.chunks} | ({media.object_key} if media.status == "uploaded" else set())
    if found.object_key not in named:
        await withdraw(connection, media.storage, found.object_key)
    await connection.execute(REPLACE_MEDIA_FILE, media.id, *measured(found))
    await connection.execute(SHARE_OBJECT, file.contains, found.object_key, found.size)
    await connection.execute(QUEUE_UNNAMED, media.storage, sorted(named - {found.object_key}), media.object_key)
