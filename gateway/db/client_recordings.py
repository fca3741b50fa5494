"""ClientRecordings in PostgreSQL: pages by filter, and creation of recordings.

A filter becomes the bounds of an index scan (see `gateway.db.recording_pages`). A creation with an idempotency key may
be repeated.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import asyncpg
import orjson
from asyncpg.pool import PoolConnectionProxy

from gateway.catalog import (
    ClientRecordings,
    IdempotencyKey,
    NewRecording,
    Owner,
    Position,
    Recording,
    RecordingFilter,
    RecordingPage,
)
from gateway.db.idempotency import find_answer, keep_answer
from gateway.db.pool import BIGINT_MAX, connected, storable
from gateway.db.recording_pages import PAGES
from gateway.db.rows import position, read_row, read_rows, recording
from gateway.errors import Fault, Invalid

# A row with a timestamp outside these bounds cannot be read anyway.
_NEVER: Final = datetime.max.replace(tzinfo=UTC)
_FOREVER_AGO: Final = datetime.min.replace(tzinfo=UTC)
_NEWEST: Final = Position(_NEVER, BIGINT_MAX)


class PgClientRecordings(ClientRecordings):
    """Each call takes its own connection from the pool."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def list_page(self, owner: Owner, wanted: RecordingFilter, *, limit: int, offset: int) -> RecordingPage:
        filters = (wanted.device_id, wanted.end_user_id, wanted.status)
        older_than = _upper_bound(wanted)
        if not storable(offset, *filters):
            return RecordingPage((), None)
        statement = PAGES[wanted.device_id is not None, wanted.end_user_id is not None, wanted.status is not None]
        # One row more than the page shows whether another page follows.
        bounds = (older_than.created_at, older_than.id, wanted.created_after or _FOREVER_AGO, limit + 1, offset)
        values = (each for each in filters if each is not None)
        async with connected(self._pool) as connection:
            rows = await connection.fetch(statement, owner.user_id, owner.live, *bounds, *values)
        return _page([text for (text,) in rows], limit)

    # `media_files` is selected because `rows.recording` reads that column.
    CREATE_RECORDING: Final = """
        WITH created AS (
            INSERT INTO recordings
                (user_id, live, source, status, name, device_id, end_user_id, metadata, started_at, ended_at)
            VALUES ($1, $2, 'upload', 'pending', $3, $4, $5, $6, $7, $8) RETURNING *
        )
        SELECT to_json(found) FROM (SELECT created.*, NULL AS media_files FROM created) found
    """

    async def create_recording(self, owner: Owner, new: NewRecording, key: IdempotencyKey | None = None) -> Recording:
        try:
            async with connected(self._pool) as connection, connection.transaction(isolation="read_committed"):
                text = await self._create_once(connection, owner, new, key)
        except (asyncpg.DataError, asyncpg.CheckViolationError) as error:
            raise Invalid((Fault("unstorable", ("body",), "The catalogue cannot store this", None),)) from error
        return recording(orjson.loads(text))

    async def _create_once(
        self, connection: PoolConnectionProxy, owner: Owner, new: NewRecording, key: IdempotencyKey | None
    ) -> str:
        if key is not None and (answer := await find_answer(connection, owner, key)) is not None:
            return answer
        values = (new.name, new.device_id, new.end_user_id, new.metadata, new.started_at, new.ended_at)
        text = str(await connection.fetchval(self.CREATE_RECORDING, owner.user_id, owner.live, *values))
        if key is not None:
            await keep_answer(connection, owner, key, text)
        return text


def _upper_bound(wanted: RecordingFilter) -> Position:
    """All rows of the page are older than this: the earlier of the cursor and `created_before`."""
    before = Position(wanted.created_before, -BIGINT_MAX) if wanted.created_before else _NEWEST
    bounds = (wanted.older_than or _NEWEST, before)
    return min(bounds, key=lambda bound: (bound.created_at, bound.id))


def _page(texts: Sequence[str], limit: int) -> RecordingPage:
    shown, more = texts[:limit], len(texts) > limit
    return RecordingPage(read_rows(recording, shown), read_row(position, shown[-1]) if more and shown else None)
