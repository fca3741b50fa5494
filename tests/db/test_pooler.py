"""The database behind pgbouncer in transaction mode, with a direct address for notifications and without one."""

import asyncio
from collections.abc import AsyncGenerator
from functools import partial
from pathlib import Path

import asyncpg
import pytest

from gateway.assembly.backends import in_background
from gateway.catalog import ALL_SCOPES, Owner
from gateway.db import listener
from gateway.db.api_keys import PgApiKeys
from gateway.db.cached_lookups import CHANNEL, notify
from gateway.db.listener import listen
from gateway.db.migrations import load_migrations, migrate
from gateway.db.pool import connected, open_pool
from tests.conftest import database_at, scratch_database
from tests.db.debian import DebianServer

SOON = 60


class Ears:
    """A listener that says what it heard, and whether it is to be trusted."""

    def __init__(self) -> None:
        self.events: asyncio.Queue[str] = asyncio.Queue()
        self.trusted: list[bool] = []

    def trust(self, *, trusted: bool) -> None:
        self.trusted.append(trusted)
        self.events.put_nowait("trusted" if trusted else "distrusted")

    def beat(self) -> None:
        """Nothing grows old here."""

    def receive(self, text: str) -> None:
        self.events.put_nowait(text)

    async def until(self, event: str) -> None:
        async with asyncio.timeout(SOON):
            while await self.events.get() != event:
                pass


@pytest.fixture
async def pooled(pooled_database: str) -> AsyncGenerator[asyncpg.Pool]:
    async with open_pool(pooled_database, min_size=5, max_size=10, command_timeout_seconds=30) as pool:
        await pool.execute("TRUNCATE users CASCADE")
        yield pool


async def test_more_connections_than_the_pooler_has_take_turns(pooled: asyncpg.Pool) -> None:
    async def ask(number: int) -> int:
        async with connected(pooled) as connection, connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", number % 5)
            return int(await connection.fetchval("SELECT $1::integer", number))

    assert await asyncio.gather(*(ask(number) for number in range(200))) == list(range(200))


async def test_changes_are_heard_at_the_direct_address(pooled: asyncpg.Pool, debian_database: str) -> None:
    ears = Ears()
    async with in_background(partial(listen, debian_database, CHANNEL, ears, partial(notify, pooled))):
        await ears.until("trusted")
        keys = PgApiKeys(pooled)
        owner = Owner(await keys.ensure_user("a@example.org"))
        scopes = frozenset(ALL_SCOPES)
        await keys.create_key(digest=bytes(32), prefix="sk_live_abcd", owner=owner, scopes=scopes, expires_at=None)
        await ears.until(f"key {bytes(32).hex()}")


async def test_a_listener_behind_the_pooler_is_never_trusted(
    pooled: asyncpg.Pool, pooled_database: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(listener, "GREETING_SECONDS", 0.5)
    ears = Ears()
    async with in_background(partial(listen, pooled_database, CHANNEL, ears, partial(notify, pooled))):
        await ears.until("distrusted")
        await ears.until("distrusted")
    assert not any(ears.trusted)
    assert "database.listen_url" in str(caplog.records[0].__dict__["cause"])


async def test_a_listener_in_another_database_is_never_trusted(
    pooled: asyncpg.Pool, debian: DebianServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listener, "GREETING_SECONDS", 0.5)
    ears = Ears()
    async with in_background(partial(listen, debian.url("template1"), CHANNEL, ears, partial(notify, pooled))):
        await ears.until("distrusted")
    assert not any(ears.trusted)


async def test_eight_processes_migrate_once_behind_the_pooler(debian_database: str, pooled_database: str) -> None:
    async with scratch_database(debian_database, template="template1") as direct:
        url = database_at(pooled_database, direct.rpartition("/")[2])

        async def start() -> int:
            async with open_pool(url, min_size=1, max_size=1, command_timeout_seconds=60) as pool:
                return len(await migrate(pool))

        async with open_pool(url, min_size=1, max_size=1, command_timeout_seconds=60) as pool:
            await pool.execute((Path(__file__).parent / "schema_version_1.sql").read_text("utf-8"))
        assert sum(await asyncio.gather(*(start() for _ in range(8)))) == len(load_migrations())
