"""Client recordings in PostgreSQL and in memory pass one contract; and what only PostgreSQL can get wrong."""

import asyncio
import logging
from typing import Final

import asyncpg
import pytest

from gateway.catalog import ClientRecordings, NewRecording, RecordingFilter
from gateway.db.client_recordings import PgClientRecordings
from tests.contracts.catalog_clients import ALL, ClientRecordingsContract, created, key, listed
from tests.contracts.catalog_stores import Stores
from tests.db.postgres_stores import postgres_stores
from tests.fakes.catalog import MemoryCatalog
from tests.fakes.client_recordings import MemoryClientRecordings
from tests.fakes.deletions import MemoryDeletionQueue
from tests.fakes.keys import MemoryApiKeys, MemorySigningSecrets

AGE: Final = "UPDATE idempotency_keys SET created_at = now() - $1::text::interval"


@pytest.fixture
def stores(pool: asyncpg.Pool) -> Stores:
    return postgres_stores(pool)


@pytest.fixture
def recordings(pool: asyncpg.Pool) -> ClientRecordings:
    return PgClientRecordings(pool)


class TestPostgres(ClientRecordingsContract):
    """With the fixtures above."""


class TestMemory(ClientRecordingsContract):
    @pytest.fixture
    def stores(self) -> Stores:
        queue = MemoryDeletionQueue()
        return Stores(MemoryCatalog(queue), queue, MemoryApiKeys(), MemorySigningSecrets())

    @pytest.fixture
    def recordings(self, stores: Stores) -> ClientRecordings:
        assert isinstance(stores.catalog, MemoryCatalog)
        return MemoryClientRecordings(stores.catalog)


@pytest.mark.parametrize(
    ("age", "count"),
    [pytest.param("23 hours 59 minutes", 1, id="before"), pytest.param("24 hours 1 second", 2, id="after")],
)
async def test_a_key_counts_for_twenty_four_hours(
    pool: asyncpg.Pool, stores: Stores, recordings: ClientRecordings, age: str, count: int
) -> None:
    owner = await stores.owner()
    await recordings.create_recording(owner, NewRecording(), key())
    await pool.execute(AGE, age)
    for _ in range(2):
        await recordings.create_recording(owner, NewRecording(), key())
    assert len(await listed(recordings, owner)) == count


async def test_a_key_that_no_longer_counts_may_name_another_request(
    pool: asyncpg.Pool, stores: Stores, recordings: ClientRecordings
) -> None:
    owner = await stores.owner()
    await recordings.create_recording(owner, NewRecording(), key())
    await pool.execute(AGE, "25 hours")
    made = await recordings.create_recording(owner, NewRecording(name="new"), key(request="another"))
    assert await recordings.create_recording(owner, NewRecording(name="new"), key(request="another")) == made


async def test_expired_responses_are_removed_by_new_ones(
    pool: asyncpg.Pool, stores: Stores, recordings: ClientRecordings
) -> None:
    owner = await stores.owner()
    for number in range(25):
        await recordings.create_recording(owner, NewRecording(), key(f"old {number}"))
    await pool.execute(AGE, "25 hours")
    left = []
    for number in range(4):
        await recordings.create_recording(owner, NewRecording(), key(f"new {number}"))
        left.append(await pool.fetchval("SELECT count(*) FROM idempotency_keys WHERE key LIKE 'old %'"))
    assert left == [15, 5, 0, 0]


async def test_a_cancelled_creation_leaves_nothing(
    pool: asyncpg.Pool, stores: Stores, recordings: ClientRecordings
) -> None:
    owner = await stores.owner()
    async with pool.acquire() as connection, connection.transaction():
        # The creation waits for this lock, which is its users row's.
        await connection.execute("SELECT FROM users FOR UPDATE")
        waiting = asyncio.create_task(recordings.create_recording(owner, NewRecording(), key()))
        async with asyncio.timeout(60):
            while not await pool.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
                continue
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    assert list(await listed(recordings, owner)) == []
    assert await pool.fetchval("SELECT count(*) FROM idempotency_keys") == 0
    assert (
        await recordings.create_recording(owner, NewRecording(name="later"), key(request="another"))
    ).name == "later"


async def test_a_list_goes_on_after_a_row_that_cannot_be_read(
    pool: asyncpg.Pool, stores: Stores, recordings: ClientRecordings, caplog: pytest.LogCaptureFixture
) -> None:
    owner = await stores.owner()
    newest, bad, oldest = await created(recordings, owner, 3)
    await pool.execute("UPDATE recordings SET started_at = 'infinity' WHERE id = $1", bad.id)
    with caplog.at_level(logging.WARNING):
        first = await recordings.list_page(owner, ALL, limit=2, offset=0)
    assert "left out" in caplog.text
    assert list(first.recordings) == [newest]
    assert first.end is not None
    assert list(await listed(recordings, owner, RecordingFilter(older_than=first.end))) == [oldest]


@pytest.mark.parametrize("id", [-1, 2**40])
async def test_an_id_without_a_public_text_is_in_no_row(pool: asyncpg.Pool, stores: Stores, id: int) -> None:
    await stores.added(await stores.owner())
    for statement in ("UPDATE recordings SET id = $1", "UPDATE media_files SET id = $1"):
        with pytest.raises(asyncpg.CheckViolationError):
            await pool.execute(statement, id)
