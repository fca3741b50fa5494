"""The durable queue of objects to delete, in PostgreSQL: due times, leases and attempts.

A trigger on media_files adds entries; gateway/deletion_worker deletes the objects.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from gateway.catalog import DeletionQueue, ObjectDeletion
from gateway.db.pool import Tables


class PgDeletionQueue(Tables, DeletionQueue):
    """DeletionQueue in the table object_deletions; any number of workers may use it."""

    # SKIP LOCKED: another worker, or an import that registers the object again, may hold the entry.
    CLAIM_DELETIONS: Final = """
        WITH due AS (
            SELECT id, EXISTS (
                SELECT FROM media_files m WHERE m.storage = d.storage AND m.object_key = d.object_key
            ) OR EXISTS (
                SELECT FROM session_chunks c WHERE c.storage = d.storage AND c.object_key = d.object_key
            ) AS referenced
            FROM object_deletions d WHERE due_at <= now() ORDER BY due_at, id LIMIT $1
            FOR UPDATE OF d SKIP LOCKED
        ), dropped AS (
            DELETE FROM object_deletions d USING due WHERE d.id = due.id AND due.referenced
        ), claimed AS (
            UPDATE object_deletions d
            SET attempts = attempts + 1, due_at = now() + $2::interval, leased_until = now() + $2::interval
            FROM due WHERE d.id = due.id AND NOT due.referenced
            RETURNING d.id, d.storage, d.object_key, d.attempts
        )
        SELECT id, storage, object_key, attempts FROM claimed ORDER BY id
    """

    async def claim_deletions(self, *, limit: int, lease_seconds: float) -> Sequence[ObjectDeletion]:
        rows = await self._rows(self.CLAIM_DELETIONS, limit, timedelta(seconds=lease_seconds))
        return tuple(ObjectDeletion(**row) for row in rows)

    FINISH_DELETION: Final = "DELETE FROM object_deletions WHERE id = $1"

    async def finish_deletion(self, deletion_id: int) -> None:
        await self._run(self.FINISH_DELETION, deletion_id)

    POSTPONE_DELETION: Final = """
        UPDATE object_deletions SET due_at = now() + $2::interval, leased_until = NULL, last_error = $3 WHERE id = $1
    """

    async def postpone_deletion(self, deletion_id: int, *, seconds: float, error: str) -> None:
        readable = error.encode(errors="replace").decode().replace("\0", "")
        await self._run(self.POSTPONE_DELETION, deletion_id, timedelta(seconds=seconds), readable)

    COUNT_DELETIONS: Final = "SELECT count(*) FROM object_deletions"

    async def count_deletions(self) -> int:
        return int(await self._value(self.COUNT_DELETIONS))
