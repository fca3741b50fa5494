"""A database that is away, and calls that are cancelled."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, Final

import asyncpg
import pytest

from gateway.catalog import MediaFile, Owner
from gateway.db.pool import connected, open_pool
from gateway.db.recordings import PgRecordingCatalog
from gateway.errors import Unavailable
from tests.contracts.catalog_words import MODIFIED, Rooms, new_media
from tests.db.rooms import postgres_rooms


@pytest.fixture
async def administrator(postgres: str) -> AsyncGenerator[asyncpg.Connection]:
    connection = await asyncpg.connect(postgres)
    yield connection
    await connection.close()


ANY_FILE: Final = MediaFile(
    1, 1, "audio", "mp3", "audio/mpeg", "local", "a.mp3", "uploaded", 1, "e", MODIFIED, None, None, None, MODIFIED
)
CALLS: Final[dict[str, Callable[[Rooms], Awaitable[Any]]]] = {
    "list_recordings": lambda rooms: rooms.catalog.list_recordings(Owner(1), limit=1, offset=0),
    "find_recording": lambda rooms: rooms.catalog.find_recording(Owner(1), 1),
    "find_media_file": lambda rooms: rooms.catalog.find_media_file(Owner(1), 1, 1),
    "find_owner": lambda rooms: rooms.catalog.find_owner(1, 1),
    "find_master": lambda rooms: rooms.catalog.find_master(Owner(1), 1, "audio"),
    "find_transcript": lambda rooms: rooms.catalog.find_transcript(Owner(1), "p", "n"),
    "register": lambda rooms: rooms.catalog.register(Owner(1), new_media()),
    "record_object_version": lambda rooms: rooms.catalog.record_object_version(
        ANY_FILE, size=1, etag="e", object_modified_at=MODIFIED
    ),
    "record_missing": lambda rooms: rooms.catalog.record_missing(ANY_FILE),
    "delete_recording": lambda rooms: rooms.catalog.delete_recording(Owner(1), 1),
    "claim_deletions": lambda rooms: rooms.queue.claim_deletions(limit=1, lease_seconds=1),
    "finish_deletion": lambda rooms: rooms.queue.finish_deletion(1),
    "postpone_deletion": lambda rooms: rooms.queue.postpone_deletion(1, seconds=1, error="e"),
    "count_deletions": lambda rooms: rooms.queue.count_deletions(),
    "find_key": lambda rooms: rooms.api_keys.find_key(b""),
    "list_keys": lambda rooms: rooms.api_keys.list_keys(),
    "revoke_key": lambda rooms: rooms.api_keys.revoke_key("p"),
    "record_key_use": lambda rooms: rooms.api_keys.record_key_use(1),
    "ensure_user": lambda rooms: rooms.api_keys.ensure_user("a@example.org"),
    "ensure_signing_key": lambda rooms: rooms.secrets.ensure_signing_key("k", b"s"),
    "find_signing_key": lambda rooms: rooms.secrets.find_signing_key(),
    "replace_signing_key": lambda rooms: rooms.secrets.replace_signing_key("k", b"s"),
}


async def test_every_call_says_unavailable_while_the_database_is_away_and_works_once_it_is_back(
    administrator: asyncpg.Connection, database_url: str, pool: asyncpg.Pool
) -> None:
    rooms = postgres_rooms(pool)
    name = database_url.partition("?")[0].rpartition("/")[2]
    await administrator.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    await administrator.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
    for call in CALLS.values():
        with pytest.raises(Unavailable):
            await call(rooms)
    await administrator.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    assert await rooms.queue.count_deletions() == 0


async def test_a_call_that_is_cancelled_gives_its_connection_back(database_url: str) -> None:
    async with open_pool(database_url, min_size=1, max_size=1, command_timeout_seconds=30) as pool:
        catalog = PgRecordingCatalog(pool)
        async with asyncio.timeout(60):
            for turns in range(20):
                task = asyncio.create_task(catalog.list_recordings(Owner(1), limit=1, offset=0))
                for _ in range(turns):
                    await asyncio.sleep(0)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            async with connected(pool) as connection:
                assert await connection.fetchval("SELECT 1") == 1
