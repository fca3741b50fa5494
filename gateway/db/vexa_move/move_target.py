"""Our database as the target of a move from Vexa. A dry run writes too, and is rolled back at its end."""

from collections.abc import AsyncGenerator, Collection
from contextlib import asynccontextmanager, suppress
from typing import Final

import asyncpg

from gateway.catalog import MoveTarget
from gateway.db.migrations import create_in_transaction, migrate
from gateway.db.pool import TROUBLE, connected
from gateway.db.vexa_move.moved_accounts import MovedAccounts
from gateway.db.vexa_move.moved_meetings import MovedMeetings
from gateway.db.vexa_move.moved_recordings import MovedRecordings

# Two runs at the same time take turns; the lock ends with the transaction.
LOCK_MOVES: Final = "SELECT pg_advisory_xact_lock(7357462896)"


class PgMoveTarget(MovedAccounts, MovedMeetings, MovedRecordings, MoveTarget):
    """A whole move, on one connection."""

    LOCK_MOVED_RECORDINGS: Final = "SELECT id FROM recordings WHERE id = ANY ($1) ORDER BY id FOR NO KEY UPDATE"

    @asynccontextmanager
    async def transaction(self, recordings: Collection[int] = ()) -> AsyncGenerator[None]:
        async with self._connection.transaction():
            await self._connection.execute(LOCK_MOVES)
            await self._connection.execute(self.LOCK_MOVED_RECORDINGS, list(recordings))
            yield


@asynccontextmanager
async def open_target(pool: asyncpg.Pool, *, dry_run: bool) -> AsyncGenerator[PgMoveTarget]:
    """Our database for one move; a dry run is rolled back.

    Migrations are applied first; a dry run creates the schema of an empty database in its transaction. Raises
    DatabaseUnavailable, and Unavailable if the database is lost during the move.
    """
    if not dry_run:
        await migrate(pool)
    async with connected(pool) as connection:
        if not dry_run:
            yield PgMoveTarget(connection)
            return
        trial = connection.transaction()
        await trial.start()
        try:
            await create_in_transaction(connection)
            yield PgMoveTarget(connection)
        finally:
            with suppress(*TROUBLE):
                await trial.rollback()
