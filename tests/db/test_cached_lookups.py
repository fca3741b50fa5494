"""The caches of two gateways over one PostgreSQL: a change by one removes the entry from the other."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

import asyncpg
import pytest

from gateway.assembly.backends import in_background
from gateway.catalog import ALL_SCOPES, ApiKey, MediaFile, NewMedia, Owner
from gateway.db.api_keys import PgApiKeys
from gateway.db.cached_lookups import CHANNEL, CachedApiKeys, CachedRecordingCatalog, Changes, check_database, notify
from gateway.db.listener import listen
from gateway.db.reachability import Reachability
from gateway.db.recordings import PgRecordingCatalog
from gateway.errors import Unavailable
from tests.ports import reserved_ports

DIGEST = bytes(range(32))
MEDIA = NewMedia("audio", "mp3", "audio/mpeg", "local", "a.mp3", 10, "v1", datetime(2026, 1, 1, tzinfo=UTC))
SOON = 60


def holds(found: ApiKey | MediaFile) -> bool:
    """Whether the result of the look-up is still valid."""
    return found.validity.holds


class Watched(Changes):
    """Changes whose notifications, and gains and losses of trust, a test can wait for."""

    def __init__(self, keys: CachedApiKeys, catalog: CachedRecordingCatalog) -> None:
        super().__init__(keys, catalog)
        self.events: asyncio.Queue[str] = asyncio.Queue()

    def trust(self, *, trusted: bool) -> None:
        super().trust(trusted=trusted)
        self.events.put_nowait("trusted" if trusted else "distrusted")

    def receive(self, text: str) -> None:
        super().receive(text)
        self.events.put_nowait(text)

    async def until(self, event: str) -> None:
        async with asyncio.timeout(SOON):
            while await self.events.get() != event:
                pass


class Reader:
    """The look-ups of one gateway, and the statements that they run."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self.keys = CachedApiKeys(pool)
        self.catalog = CachedRecordingCatalog(pool)
        self.changes = Watched(self.keys, self.catalog)


@asynccontextmanager
async def reading(pool: asyncpg.Pool, url: str) -> AsyncGenerator[Reader]:
    reader = Reader(pool)
    async with in_background(partial(listen, url, CHANNEL, reader.changes, partial(notify, pool))):
        await reader.changes.until("trusted")
        yield reader


@pytest.fixture
async def reader(pool: asyncpg.Pool, database_url: str) -> AsyncGenerator[Reader]:
    async with reading(pool, database_url) as opened:
        yield opened


@asynccontextmanager
async def counting(pool: asyncpg.Pool) -> AsyncGenerator[list[str]]:
    """The statements that the pool's connections run within the block."""
    statements: list[str] = []

    def note(record: asyncpg.connection.LoggedQuery) -> None:
        statements.append(record.query)

    connections = [await pool.acquire() for _ in range(pool.get_max_size())]
    for connection in connections:
        connection.add_query_logger(note)
        await pool.release(connection)
    yield statements


async def add_key(pool: asyncpg.Pool) -> Owner:
    writer = PgApiKeys(pool)
    owner = Owner(await writer.ensure_user("a@example.org"))
    await writer.create_key(
        digest=DIGEST, prefix="sk_live_abcd", owner=owner, scopes=frozenset(ALL_SCOPES), expires_at=None
    )
    return owner


async def test_a_repeated_seek_runs_no_statement(pool: asyncpg.Pool, reader: Reader) -> None:
    owner = await add_key(pool)
    await reader.changes.until(f"key {DIGEST.hex()}")
    file, _ = await PgRecordingCatalog(pool).register(owner, MEDIA)
    await reader.changes.until(f"media {file.recording_id} {file.id}")
    await look(reader, owner, file.recording_id, file.id)
    async with counting(pool) as statements:
        for _ in range(100):
            assert await look(reader, owner, file.recording_id, file.id) == (True, True)
        assert statements == []


async def test_a_key_is_found_by_its_id_without_a_statement_until_it_is_revoked(
    pool: asyncpg.Pool, reader: Reader
) -> None:
    await add_key(pool)
    await reader.changes.until(f"key {DIGEST.hex()}")
    made = await reader.keys.find_key(DIGEST)
    assert made is not None
    assert await reader.keys.find_key_by_id(made.id) == made
    async with counting(pool) as statements:
        for _ in range(100):
            assert await reader.keys.find_key_by_id(made.id) == made
        assert statements == []
    await PgApiKeys(pool).revoke_key("sk_live_abcd")
    await reader.changes.until(f"key {DIGEST.hex()}")
    revoked = await reader.keys.find_key_by_id(made.id)
    assert revoked is not None
    assert revoked.revoked_at is not None


async def look(reader: Reader, owner: Owner, recording_id: int, media_file_id: int) -> tuple[bool, bool]:
    key = await reader.keys.find_key(DIGEST)
    media = await reader.catalog.find_media_file(owner, recording_id, media_file_id)
    return key is not None and key.revoked_at is None, media is not None


async def test_a_revoked_key_and_a_deleted_recording_are_removed_from_the_cache(
    pool: asyncpg.Pool, reader: Reader
) -> None:
    owner = await add_key(pool)
    file, _ = await PgRecordingCatalog(pool).register(owner, MEDIA)
    await reader.changes.until(f"media {file.recording_id} {file.id}")
    assert await look(reader, owner, file.recording_id, file.id) == (True, True)
    await PgApiKeys(pool).revoke_key("sk_live_abcd")
    await reader.changes.until(f"key {DIGEST.hex()}")
    assert await PgRecordingCatalog(pool).delete_recording(owner, file.recording_id)
    await reader.changes.until(f"media {file.recording_id} {file.id}")
    assert await look(reader, owner, file.recording_id, file.id) == (False, False)


@pytest.mark.parametrize(
    ("write", "is_seen"),
    [
        (lambda catalog, file, owner: catalog.delete_recording(owner, file.recording_id), lambda found: found is None),
        (lambda catalog, file, _: catalog.record_missing(file), lambda found: found.missing_at is not None),
        (
            lambda catalog, file, _: catalog.record_object_version(
                file, size=11, etag="v2", object_modified_at=file.object_modified_at
            ),
            lambda found: found.etag == "v2",
        ),
    ],
    ids=["deletes", "flags-it-as-missing", "records-its-next-version"],
)
async def test_a_process_sees_its_own_change_of_a_recording_without_a_notification(
    pool: asyncpg.Pool,
    write: Callable[[CachedRecordingCatalog, MediaFile, Owner], Awaitable[object]],
    is_seen: Callable[[MediaFile | None], bool],
) -> None:
    owner = await add_key(pool)
    file, _ = await PgRecordingCatalog(pool).register(owner, MEDIA)
    unheard = CachedRecordingCatalog(pool)
    unheard.cache.trust(trusted=True)
    found = await unheard.find_media_file(owner, file.recording_id, file.id)
    assert found == file
    assert holds(found)
    await write(unheard, file, owner)
    assert not holds(found)
    assert is_seen(await unheard.find_media_file(owner, file.recording_id, file.id))


async def test_a_process_sees_its_own_revocation_without_a_notification(pool: asyncpg.Pool) -> None:
    await add_key(pool)
    unheard = CachedApiKeys(pool)
    unheard.cache.trust(trusted=True)
    found = await unheard.find_key(DIGEST)
    assert found is not None
    assert await unheard.revoke_key("sk_live_none") is None
    assert holds(found)
    revoked = await unheard.revoke_key(found.prefix)
    assert revoked is not None
    assert not holds(found)
    assert await unheard.find_key(DIGEST) == revoked


@pytest.mark.parametrize(
    ("statement", "ends_key", "ends_file"),
    [
        ("UPDATE api_keys SET scopes = '{recordings:read}'", True, False),
        ("UPDATE api_keys SET expires_at = now()", True, False),
        ("UPDATE api_keys SET user_id = (SELECT id FROM users WHERE email = 'b@example.org')", True, False),
        ("UPDATE api_keys SET recording_id = (SELECT min(recording_id) FROM media_files)", True, False),
        ("UPDATE recordings SET user_id = (SELECT id FROM users WHERE email = 'b@example.org')", False, True),
        ("UPDATE recordings SET live = false", False, True),
        ("UPDATE media_files SET etag = 'v2' WHERE object_key = 'a.mp3'", False, True),
        ("DELETE FROM media_files WHERE object_key = 'a.mp3'", False, True),
        ("DELETE FROM users WHERE email = 'a@example.org'", True, True),
    ],
    ids=[
        *("scopes", "expiry", "key-owner", "shared-recording"),
        *("recording-owner", "to-test-data", "replaced", "deleted", "user-deleted"),
    ],
)
async def test_a_change_by_sql_invalidates_only_what_it_concerns(
    pool: asyncpg.Pool,
    reader: Reader,
    statement: str,
    ends_key: bool,  # noqa: FBT001 - a column
    ends_file: bool,  # noqa: FBT001 - a column
) -> None:
    owner = await add_key(pool)
    file, _ = await PgRecordingCatalog(pool).register(owner, MEDIA)
    other = Owner(await PgApiKeys(pool).ensure_user("b@example.org"))
    theirs, _ = await PgRecordingCatalog(pool).register(other, replace(MEDIA, object_key="b.mp3"))
    await reader.changes.until(f"media {theirs.recording_id} {theirs.id}")
    key = await reader.keys.find_key(DIGEST)
    found = await reader.catalog.find_media_file(owner, file.recording_id, file.id)
    others = await reader.catalog.find_media_file(other, theirs.recording_id, theirs.id)
    assert key is not None
    assert found is not None
    assert others is not None
    await pool.execute(statement)
    await pool.execute("SELECT pg_notify('seekgate', 'end')")
    await reader.changes.until("end")
    assert (key.validity.holds, found.validity.holds) == (not ends_key, not ends_file)
    assert others.validity.holds == ("SET live" not in statement)
    again = await reader.catalog.find_media_file(owner, file.recording_id, file.id)
    is_visible = not ends_file or "etag" in statement
    assert (again is not None) == is_visible


@pytest.mark.parametrize("table", ["api_keys", "media_files", "users"])
async def test_a_truncated_table_ends_everything_that_was_cached(
    pool: asyncpg.Pool, reader: Reader, table: str
) -> None:
    owner = await add_key(pool)
    file, _ = await PgRecordingCatalog(pool).register(owner, MEDIA)
    await reader.changes.until(f"media {file.recording_id} {file.id}")
    for cache in (reader.keys.cache, reader.catalog.cache):
        cache._grace_seconds = 60
    await look(reader, owner, file.recording_id, file.id)
    await pool.execute(f"TRUNCATE {table} CASCADE")
    await reader.changes.until("everything")
    # Nothing is kept for the time in which the database cannot be reached either.
    assert (len(reader.keys.cache), len(reader.catalog.cache)) == (0, 0)
    assert await look(reader, owner, file.recording_id, file.id) == (table == "media_files", table == "api_keys")


async def test_an_evicted_key_is_not_valid_any_more_and_its_revocation_is_seen(
    pool: asyncpg.Pool, reader: Reader
) -> None:
    owner, writer = await add_key(pool), PgApiKeys(pool)
    await writer.create_key(digest=bytes(32), prefix="", owner=owner, scopes=frozenset(ALL_SCOPES), expires_at=None)
    await reader.changes.until(f"key {bytes(32).hex()}")
    reader.keys.cache._found._capacity = 1
    evicted, kept = await reader.keys.find_key(DIGEST), await reader.keys.find_key(bytes(32))
    assert evicted is not None
    assert kept is not None
    assert (holds(evicted), holds(kept)) == (False, True)
    await writer.revoke_key("sk_live_abcd")
    await reader.changes.until(f"key {DIGEST.hex()}")
    found = await reader.keys.find_key(DIGEST)
    assert found is not None
    assert found.revoked_at is not None


async def test_another_owners_uploads_invalidate_nothing(pool: asyncpg.Pool, reader: Reader) -> None:
    owner = await add_key(pool)
    file, _ = await PgRecordingCatalog(pool).register(owner, MEDIA)
    await reader.changes.until(f"media {file.recording_id} {file.id}")
    found = await reader.catalog.find_media_file(owner, file.recording_id, file.id)
    key = await reader.keys.find_key(DIGEST)
    for number in range(20):
        await PgRecordingCatalog(pool).register(owner, replace(MEDIA, object_key=f"{number}.mp3"))
    await pool.execute("SELECT pg_notify('seekgate', 'end')")
    await reader.changes.until("end")
    async with counting(pool) as statements:
        assert await reader.catalog.find_media_file(owner, file.recording_id, file.id) is found
        assert await reader.keys.find_key(DIGEST) is key
        assert statements == []
    assert found is not None
    assert holds(found)


async def test_an_absent_key_is_found_once_it_is_created(pool: asyncpg.Pool, reader: Reader) -> None:
    assert await reader.keys.find_key(DIGEST) is None
    await add_key(pool)
    await reader.changes.until(f"key {DIGEST.hex()}")
    assert await reader.keys.find_key(DIGEST) is not None


async def test_recording_a_use_invalidates_nothing(pool: asyncpg.Pool, reader: Reader) -> None:
    await add_key(pool)
    await reader.changes.until(f"key {DIGEST.hex()}")
    found = await reader.keys.find_key(DIGEST)
    assert found is not None
    await PgApiKeys(pool).record_key_use(found.id)
    await PgApiKeys(pool).revoke_key("sk_live_abcd")
    await reader.changes.until(f"key {DIGEST.hex()}")
    assert reader.changes.events.empty(), "only the revocation was notified"


async def test_every_look_up_runs_while_the_listener_is_down(pool: asyncpg.Pool, reader: Reader) -> None:
    await add_key(pool)
    await reader.changes.until(f"key {DIGEST.hex()}")
    assert await reader.keys.find_key(DIGEST) is not None
    await pool.fetch(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' OR query = 'SELECT 1'"
    )
    await reader.changes.until("distrusted")
    await PgApiKeys(pool).revoke_key("sk_live_abcd")
    unheard = await reader.keys.find_key(DIGEST)
    assert unheard is not None
    assert unheard.revoked_at is not None, "read from the database, not from the cache"
    await reader.changes.until("trusted")
    found = await reader.keys.find_key(DIGEST)
    assert found is not None
    assert found.revoked_at is not None


async def test_an_unknown_notification_is_ignored(pool: asyncpg.Pool, reader: Reader) -> None:
    await pool.execute("SELECT pg_notify('seekgate', 'something else')")
    await reader.changes.until("something else")


async def test_without_a_database_the_gateway_is_ready_until_the_grace_ends() -> None:
    now = 0.0
    reachability = Reachability(lambda: now)
    with reserved_ports(1) as (port,):
        async with asyncpg.create_pool(f"postgresql://127.0.0.1:{port}/none", min_size=0) as pool:
            keys = CachedApiKeys(pool, reachability)
            assert await check_database(keys, reachability, 60) == "unreachable, serving from memory"
            now = 60.0
            with pytest.raises(Unavailable):
                await check_database(keys, reachability, 60)
