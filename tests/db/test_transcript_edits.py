"""Transcripts in PostgreSQL that two clients replace at the same time."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import asyncpg
import pytest
from asyncpg.pool import PoolConnectionProxy

from gateway.catalog import Owner, Segment
from gateway.db.edits import PgRecordingEdits
from gateway.db.recordings import PgRecordingCatalog

ADD_ROWS = """
    WITH owner AS (INSERT INTO users (email) VALUES ('ada@example.org') RETURNING id),
         meeting AS (
             INSERT INTO meetings (user_id, live, platform, native_meeting_id) SELECT id, true, 'teams', '1' FROM owner
             RETURNING id, user_id
         )
    INSERT INTO recordings (user_id, live, source, status, meeting_id)
    SELECT user_id, true, 'upload', 'completed', id FROM meeting, generate_series(1, 2) RETURNING id, user_id
"""
COUNT_WAITING = """
    SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


def segments(*texts: str) -> list[Segment]:
    return [Segment(number, number + 1, text) for number, text in enumerate(texts)]


class Held(PgRecordingEdits):
    """Edits that are not committed before `may_end` is set; `are_done` says that nothing else is missing."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        super().__init__(pool)
        self.are_done, self.may_end = asyncio.Event(), asyncio.Event()

    @asynccontextmanager
    async def _transaction(self) -> AsyncGenerator[PoolConnectionProxy]:
        async with super()._transaction() as connection:
            yield connection
            self.are_done.set()
            await self.may_end.wait()


@pytest.mark.parametrize("before", [[], ["old"]], ids=["no-transcript", "a-transcript"])
async def test_the_later_of_two_transcripts_of_one_meeting_is_stored_whole(
    pool: asyncpg.Pool, before: list[str]
) -> None:
    (one, user_id), (other, _) = await pool.fetch(ADD_ROWS)
    owner, held = Owner(user_id), Held(pool)
    edits = PgRecordingEdits(pool)
    await edits.replace_transcript(owner, one, segments(*before))
    earlier = asyncio.create_task(held.replace_transcript(owner, one, segments("earlier")))
    await held.are_done.wait()
    later = asyncio.create_task(edits.replace_transcript(owner, other, segments("later", "and longer")))
    while not later.done() and not await pool.fetchval(COUNT_WAITING):  # noqa: ASYNC110 - the server announces nothing
        await asyncio.sleep(0.01)
    held.may_end.set()
    assert await earlier
    assert await later
    found = await PgRecordingCatalog(pool).find_transcript_of(owner, one)
    assert found is not None
    assert [each.text for each in found.segments] == ["later", "and longer"]
