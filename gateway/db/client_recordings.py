"""ClientRecordings in PostgreSQL: pages by filter, and creation of recordings.

A filter becomes the bounds of an index scan (see `gateway.db.recording_pages`). A creation with an idempotency key may
be repeated.
"""

from functools import partial
from typing import Final

import orjson
from asyncpg.pool import PoolConnectionProxy

from gateway.catalog import (
    ClientRecordings,
    IdempotencyKey,
    NewRecording,
    Owner,
    Recording,
    RecordingFilter,
    RecordingPage,
)
from gateway.db.idempotency import find_response, store_response
from gateway.db.pool import Tables, require_storable, storable
from gateway.db.recording_pages import page_arguments, page_end, page_statement
from gateway.db.rows import read_row, read_rows, recording


class PgClientRecordings(Tables, ClientRecordings):
    """ClientRecordings in the table recordings."""

    async def list_page(self, owner: Owner, wanted: RecordingFilter, *, limit: int, offset: int) -> RecordingPage:
        if not storable(offset, wanted.device_id, wanted.end_user_id):
            return RecordingPage((), None)
        # One row more than the page shows whether another page follows.
        arguments = page_arguments(owner, wanted, limit=limit + 1, offset=offset)
        rows = await self._rows(page_statement(wanted), *arguments)
        shown = [text for (text,) in rows[:limit]]
        end = read_row(partial(page_end, wanted), shown[-1]) if len(rows) > limit else None
        return RecordingPage(read_rows(recording, shown), end)

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
        with require_storable("body"):
            async with self._transaction() as connection:
                text = await self._create_once(connection, owner, new, key)
        return recording(orjson.loads(text))

    async def _create_once(
        self, connection: PoolConnectionProxy, owner: Owner, new: NewRecording, key: IdempotencyKey | None
    ) -> str:
        if key is not None and (response := await find_response(connection, owner, key)) is not None:
            return response
        values = (new.name, new.device_id, new.end_user_id, new.metadata, new.started_at, new.ended_at)
        text = str(await connection.fetchval(self.CREATE_RECORDING, owner.user_id, owner.live, *values))
        if key is not None:
            await store_response(connection, owner, key, text)
        return text
