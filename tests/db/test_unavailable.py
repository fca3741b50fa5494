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
from tests.contracts.catalog_stores import MODIFIED, Stores, new_media
from tests.db.postgres_stores import postgres_stores


@pytest.fixture
async def administrator(postgres: str) -> AsyncGenerator[asyncpg.Connection]:
    connection = await asyncpg.connect(postgres)
    yield connection
    await connection.close()


ANY_FILE: Final = MediaFile(
    1, 1, "audio", "mp3", "audio/mpeg", "local", "a.mp3", "uploaded", 1, "e", MODIFIED, None, None, None, MODIFIED
)
CALLS: Final[dict[str, Callable[[Stores], Awaitable[Any]]]] = {
    "list_recordings": lambda stores: stores.catalog.list_recordings(Owner(1), limit=1, offset=0),
    "find_recording": lambda stores: stores.catalog.find_recording(Owner(1), 1),
    "find_media_file": lambda stores: stores.catalog.find_media_file(Owner(1), 1, 1),
    "find_owner": lambda stores: stores.catalog.find_owner(1, 1),
    "find_master": lambda stores: stores.catalog.find_master(Owner(1), 1, "audio"),
    "find_transcript": lambda stores: stores.catalog.find_transcript(Owner(1), "p", "n"),
    "register": lambda stores: stores.catalog.register(Owner(1), new_media()),
    "record_object_version": lambda stores: stores.catalog.record_object_version(
        ANY_FILE, size=1, etag="e", object_modified_at=MODIFIED
    ),
    "record_missing": lambda stores: stores.catalog.record_missing(ANY_FILE),
    "delete_recording": lambda stores: stores.catalog.delete_recording(Owner(1), 1),
    "claim_deletions": lambda stores: stores.queue.claim_deletions(limit=1, lease_seconds=1),
    "finish_deletion": lambda stores: stores.queue.finish_deletion(1),
    "postpone_deletion": lambda stores: stores.queue.postpone_deletion(1, seconds=1, error="e"),
    "count_deletions": lambda stores: stores.queue.count_deletions(),
    "find_key": lambda stores: stores.api_keys.find_key(b""),
    "list_keys": lambda stores: stores.api_keys.list_keys(),
    "revoke_key": lambda stores: stores.api_keys.revoke_key("p"),
    "record_key_use": lambda stores: stores.api_keys.record_key_use(1),
    "ensure_user": lambda stores: stores.api_keys.ensure_user("a@example.org"),
    "ensure_signing_key": lambda stores: stores.secrets.ensure_signing_key("k", b"s"),
    "find_signing_key": lambda stores: stores.secrets.find_signing_key(),
    "replace_signing_key": lambda stores: stores.secrets.replace_signing_key("k", b"s"),
}


async def test_every_call_says_unavailable_while_the_database_is_away_and_works_once_it_is_back(
    administrator: asyncpg.Connection, database_url: str, pool: asyncpg.Pool
) -> None:
    stores = postgres_stores(pool)
    name = database_url.partition("?")[0].rpartition("/")[2]
    await administrator.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
    await administrator.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
    for call in CALLS.values():
        with pytest.raises(Unavailable):
            await call(stores)
    await administrator.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
    assert await stores.queue.count_deletions() == 0


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
