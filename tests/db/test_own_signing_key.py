"""The gateway's own signing key follows the database, whatever happens between them."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from functools import partial

import asyncpg
import pytest

from gateway.assembly.backends import in_background
from gateway.db import signing_keys
from gateway.db.cached_lookups import CHANNEL, CachedApiKeys, CachedRecordingCatalog, Changes, notify
from gateway.db.listener import listen
from gateway.db.signing_keys import OwnSigningKey, PgSigningSecrets, load_own_key
from gateway.errors import Unavailable
from gateway.protocol.signing import SigningKey, SigningKeys
from tests.fakes.keys import MemorySigningSecrets

FIRST, SECOND = SigningKey("own-1", b"1" * 32), SigningKey("own-2", b"2" * 32)
SOON = 20


class CountedSecrets(MemorySigningSecrets):
    """Secrets that count how often they are read, and fail the first times."""

    def __init__(self, failures: int = 0) -> None:
        super().__init__()
        self.failures = failures
        self.reads = 0

    async def find_signing_key(self) -> tuple[str, bytes] | None:
        self.reads += 1
        if self.reads <= self.failures:
            raise Unavailable("The catalogue cannot be reached", retry_after_seconds=5)
        return await super().find_signing_key()


async def eventually(what: Callable[[], bool]) -> None:
    async with asyncio.timeout(SOON):
        while not what():  # noqa: ASYNC110 - nothing announces it
            await asyncio.sleep(0.01)


async def test_a_notified_change_is_loaded_and_an_unchanged_key_stays_in_its_generation() -> None:
    secrets, keys = CountedSecrets(), SigningKeys([FIRST])
    await secrets.replace_signing_key(FIRST.kid, FIRST.secret)
    own = OwnSigningKey(secrets, keys)
    async with in_background(own.follow):
        own.trust(trusted=True)
        await eventually(lambda: secrets.reads == 1)
        await secrets.replace_signing_key(SECOND.kid, SECOND.secret)
        own.record_change()
        await eventually(lambda: keys.newest == SECOND)
        own.record_change()
        await eventually(lambda: secrets.reads == 3)
    assert (keys.generation, keys.find(FIRST.kid)) == (1, None)


async def test_a_key_that_cannot_be_read_is_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signing_keys, "UNHEARD_SECONDS", 0.01)
    secrets, keys = CountedSecrets(failures=3), SigningKeys([FIRST])
    await secrets.replace_signing_key(SECOND.kid, SECOND.secret)
    own = OwnSigningKey(secrets, keys)
    async with in_background(own.follow):
        own.trust(trusted=True)
        await eventually(lambda: keys.newest == SECOND)
    assert secrets.reads == 4


async def test_nothing_is_read_while_notifications_are_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signing_keys, "UNHEARD_SECONDS", 0.01)
    secrets = CountedSecrets()
    own = OwnSigningKey(secrets, SigningKeys([FIRST]))
    async with in_background(own.follow):
        own.trust(trusted=True)
        await asyncio.sleep(0.3)
        reads = secrets.reads
        await asyncio.sleep(0.3)
        assert secrets.reads == reads
        own.trust(trusted=False)
        await eventually(lambda: secrets.reads > reads + 3)


async def test_two_gateways_that_find_no_key_agree_on_one(pool: asyncpg.Pool, database_url: str) -> None:
    secrets = PgSigningSecrets(pool)
    first = await load_own_key(secrets)
    async with following(pool, database_url, first) as one, following(pool, database_url, first) as two:
        await pool.execute("DELETE FROM signing_keys")
        await eventually(lambda: one.newest != first and one.newest == two.newest)
        assert await secrets.find_signing_key() == (one.newest.kid, one.newest.secret)


@asynccontextmanager
async def following(pool: asyncpg.Pool, url: str, key: SigningKey) -> AsyncGenerator[SigningKeys]:
    """The keys of a gateway that hears the database's notifications."""
    keys = SigningKeys([key])
    own = OwnSigningKey(PgSigningSecrets(pool), keys)
    changes = Changes(CachedApiKeys(pool), CachedRecordingCatalog(pool), None, own)
    async with in_background(own.follow), in_background(partial(listen, url, CHANNEL, changes, partial(notify, pool))):
        await eventually(lambda: own._is_heard)
        yield keys
