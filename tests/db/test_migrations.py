"""Migrations turn a database of version 1 into `schema.sql`; several processes may start them concurrently."""

import asyncio
import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Final

import asyncpg
import pytest

from gateway.db.migrations import Migration, create_in_transaction, load_migrations, migrate, pending_migrations
from gateway.db.pool import DatabaseUnavailable, open_pool
from gateway.settings.documents import read_text
from tests.conftest import scratch_database
from tests.db.catalogue_of import catalogue_of

HERE: Final = Path(__file__).parent
KNOWN: Final = load_migrations()
NUMBERS: Final = [1, *(each.number for each in KNOWN)]
TABLES: Final = (
    *("users", "api_keys", "meetings", "transcript_segments", "recordings", "media_files"),
    *("idempotency_keys", "object_deletions", "signing_keys"),
)
NEXT: Final = Migration(9000, "next", "ALTER TABLE users ADD COLUMN nickname text", older_programs_work=True)
LATER: Final = Migration(9002, "later", "SELECT 1", older_programs_work=True)
LAST: Final = Migration(9001, "last", "ALTER TABLE users DROP COLUMN nickname", older_programs_work=False)
WAITING_LOCKS: Final = """
    SELECT count(*) FROM pg_locks
    WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


@pytest.fixture
async def empty(empty_database_url: str) -> AsyncGenerator[asyncpg.Pool]:
    async with open_pool(empty_database_url, min_size=1, max_size=5, command_timeout_seconds=30) as pool:
        yield pool


@pytest.fixture
async def version_1(empty: asyncpg.Pool) -> asyncpg.Pool:
    """A database of version 1 with rows in it."""
    await empty.execute((HERE / "schema_version_1.sql").read_text("utf-8"))
    await empty.execute((HERE / "rows_version_1.sql").read_text("utf-8"))
    return empty


async def versions(pool: asyncpg.Pool) -> list[int]:
    return [row["version"] for row in await pool.fetch("SELECT version FROM schema_version ORDER BY version")]


async def row_counts(pool: asyncpg.Pool) -> dict[str, int]:
    return {table: await pool.fetchval(f"SELECT count(*) FROM {table}") for table in TABLES}  # noqa: S608 - names of our own


def test_migration_numbers_are_unique() -> None:
    assert len(set(NUMBERS)) == len(NUMBERS)


@pytest.mark.parametrize(
    ("name", "text"),
    [("2_short.sql", "-- Older gateways keep working: x\n"), ("0002_silent.sql", "SELECT 1;\n")],
    ids=["misnamed", "without its first line"],
)
def test_a_migration_that_does_not_say_what_it_does_to_older_gateways_is_refused(
    tmp_path: Path, name: str, text: str
) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ValueError, match=name):
        load_migrations(tmp_path)


async def test_a_migrated_database_equals_schema_sql(
    version_1: asyncpg.Pool, pool: asyncpg.Pool, empty_database_url: str
) -> None:
    before = await row_counts(version_1)
    assert await migrate(version_1) == KNOWN
    migrated, fresh = await catalogue_of(version_1), await catalogue_of(pool)
    assert migrated == fresh
    assert await versions(version_1) == await versions(pool) == NUMBERS
    assert await row_counts(version_1) == before


async def test_a_migrated_database_equals_schema_sql_on_debians_postgresql_too(debian_database: str) -> None:
    async with (
        scratch_database(debian_database, template="template1") as url,
        open_pool(url, min_size=1, max_size=1, command_timeout_seconds=60) as old,
        open_pool(debian_database, min_size=1, max_size=1, command_timeout_seconds=60) as fresh,
    ):
        await old.execute((HERE / "schema_version_1.sql").read_text("utf-8"))
        await old.execute((HERE / "rows_version_1.sql").read_text("utf-8"))
        await migrate(old)
        assert await catalogue_of(old) == await catalogue_of(fresh)


async def test_gateways_of_version_1_keep_working_on_a_migrated_database(version_1: asyncpg.Pool) -> None:
    await migrate(version_1)
    statements = json.loads((HERE / "statements_version_1.json").read_text("utf-8"))
    assert all(each.older_programs_work for each in KNOWN)
    async with version_1.acquire() as connection:
        for statement in statements.values():
            await connection.prepare(statement)
        # The query by which that program reads the version of the database.
        assert await connection.fetchval(statements["FIND_SCHEMA_VERSION"]) == 1


async def test_an_interrupted_migration_changes_nothing_and_is_applied_next_time(version_1: asyncpg.Pool) -> None:
    broken = Migration(9000, "broken", f"{NEXT.sql}; SELECT 1 / 0", older_programs_work=True)
    with pytest.raises(DatabaseUnavailable, match="division by zero"):
        await migrate(version_1, [*KNOWN, broken])
    assert await versions(version_1) == NUMBERS
    assert await migrate(version_1, [*KNOWN, NEXT]) == (NEXT,)


async def test_the_schema_of_an_empty_database_can_be_rolled_back(empty: asyncpg.Pool) -> None:
    before = await catalogue_of(empty)
    async with empty.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await create_in_transaction(connection)
        assert await connection.fetchval("SELECT count(*) FROM vexa_moves") == 0
        await transaction.rollback()
    assert await catalogue_of(empty) == before


async def test_migrations_are_not_applied_in_a_transaction_of_the_caller(version_1: asyncpg.Pool) -> None:
    async with version_1.acquire() as connection:
        with pytest.raises(DatabaseUnavailable, match="apply `seekgate migrate` first"):
            await create_in_transaction(connection)


async def test_a_migration_with_a_lower_number_than_the_newest_one_is_still_applied(version_1: asyncpg.Pool) -> None:
    await migrate(version_1, [*KNOWN, LATER])
    assert await migrate(version_1, [*KNOWN, NEXT, LATER]) == (NEXT,)
    assert await versions(version_1) == [*NUMBERS, NEXT.number, LATER.number]


async def test_concurrent_processes_migrate_once(version_1: asyncpg.Pool, empty_database_url: str) -> None:
    async def start() -> tuple[Migration, ...]:
        async with open_pool(empty_database_url, min_size=1, max_size=1, command_timeout_seconds=30) as pool:
            return await migrate(pool, [*KNOWN, NEXT])

    applied = await asyncio.gather(*(start() for _ in range(8)))
    assert sorted(each.number for some in applied for each in some) == [*NUMBERS[1:], NEXT.number]


async def test_concurrent_processes_create_one_schema(empty_database_url: str) -> None:
    async def start() -> None:
        async with open_pool(empty_database_url, min_size=1, max_size=1, command_timeout_seconds=30) as pool:
            await migrate(pool)

    await asyncio.gather(*(start() for _ in range(8)))
    async with open_pool(empty_database_url, min_size=1, max_size=1, command_timeout_seconds=30) as pool:
        assert await versions(pool) == NUMBERS


async def test_a_migration_waits_for_a_long_transaction_without_blocking_readers(version_1: asyncpg.Pool) -> None:
    async with version_1.acquire() as connection:
        reading = connection.transaction()
        await reading.start()
        await connection.fetch("SELECT * FROM users")
        migrating = asyncio.create_task(migrate(version_1, [*KNOWN, NEXT]))
        while not await connection.fetchval(WAITING_LOCKS):
            assert not migrating.done()
        await reading.commit()
    assert NEXT in await migrating


async def test_a_migration_in_a_deadlock_is_tried_again(version_1: asyncpg.Pool) -> None:
    locking = f"LOCK TABLE users IN SHARE MODE; SELECT pg_advisory_xact_lock(1); {NEXT.sql}"
    await migrate(version_1)
    async with version_1.acquire() as connection, version_1.acquire() as writer:
        await connection.execute("SELECT pg_advisory_lock(1)")
        async with writer.transaction():
            await writer.fetch("SELECT * FROM users")
            migrating = asyncio.create_task(
                migrate(version_1, [*KNOWN, Migration(9000, "next", locking, older_programs_work=True)])
            )
            while not await connection.fetchval(WAITING_LOCKS):
                assert not migrating.done()
            writing = asyncio.create_task(writer.execute("UPDATE users SET email = email"))
            while await connection.fetchval(WAITING_LOCKS) < 2:
                assert not migrating.done()
            # The writer waits for the migration, which now waits for the writer: the server ends the migration.
            await connection.execute("SELECT pg_advisory_unlock(1)")
            await writing
        assert [each.number for each in await migrating] == [NEXT.number]


async def test_indexes_are_built_beside_readers_and_beside_a_transaction_that_writes_later(
    version_1: asyncpg.Pool,
) -> None:
    earlier, building = [each for each in KNOWN if each.number < 21], [each for each in KNOWN if each.number == 21]
    await migrate(version_1, earlier)
    async with version_1.acquire() as writer, writer.transaction():
        await writer.fetch("SELECT * FROM recordings FOR UPDATE")
        async with asyncio.timeout(60), version_1.acquire() as connection, connection.transaction():
            await connection.execute(building[0].sql)
            async with version_1.acquire() as reader:
                assert await reader.fetchval("SELECT count(*) FROM recordings")
        await writer.execute("UPDATE recordings SET name = name")


async def test_a_database_whose_indexes_were_replaced_by_an_earlier_migration_gets_no_others(
    version_1: asyncpg.Pool, pool: asyncpg.Pool
) -> None:
    earlier = [each for each in KNOWN if each.number < 21]
    replacing = """
        DROP INDEX recordings_newest, recordings_by_type;
        CREATE INDEX recordings_newest ON recordings (user_id, live, created_at DESC, id DESC, duration_seconds);
        CREATE INDEX recordings_by_type
            ON recordings (user_id, live, main_type DESC, created_at DESC, id DESC, duration_seconds);
    """
    await migrate(version_1, [*earlier, Migration(21, "filters_by_duration", replacing, older_programs_work=True)])
    await migrate(version_1)
    assert await catalogue_of(version_1) == await catalogue_of(pool)


async def test_a_gateway_that_knows_all_versions_does_not_wait_for_another_migration(pool: asyncpg.Pool) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock(7357462895)")
        assert await asyncio.wait_for(migrate(pool), 10) == ()


async def test_a_dry_run_names_pending_migrations_and_changes_nothing(
    version_1: asyncpg.Pool, pool: asyncpg.Pool
) -> None:
    assert await pending_migrations(version_1) == KNOWN
    assert await versions(version_1) == [1]
    assert await pending_migrations(pool) == ()


async def test_an_empty_database_has_no_pending_migrations(empty: asyncpg.Pool) -> None:
    assert await pending_migrations(empty) is None


async def test_a_database_of_a_newer_program_is_refused(pool: asyncpg.Pool) -> None:
    await migrate(pool, [*KNOWN, NEXT, LAST])
    with pytest.raises(DatabaseUnavailable, match=r"schema version 9001.*Upgrade seekgate"):
        await migrate(pool)
    with pytest.raises(DatabaseUnavailable, match="Upgrade seekgate"):
        await pending_migrations(pool)


async def test_a_program_accepts_a_newer_database_that_older_programs_may_use(pool: asyncpg.Pool) -> None:
    await migrate(pool, [*KNOWN, NEXT])
    assert await migrate(pool) == ()


async def test_a_database_without_its_first_version_is_refused(pool: asyncpg.Pool) -> None:
    await pool.execute("DELETE FROM schema_version WHERE version = 1")
    with pytest.raises(DatabaseUnavailable, match="without version 1"):
        await migrate(pool)


async def test_applying_the_schema_again_by_hand_changes_nothing(pool: asyncpg.Pool) -> None:
    await pool.execute("INSERT INTO users (email) VALUES ('a@example.org')")
    before = await catalogue_of(pool)
    await pool.execute(read_text("schema.sql"))
    assert await migrate(pool) == ()
    assert await catalogue_of(pool) == before
    assert await pool.fetchval("SELECT count(*) FROM users") == 1


async def test_a_role_without_permission_to_create_tables_gets_an_error(empty: asyncpg.Pool) -> None:
    await empty.execute("CREATE ROLE reader")
    async with empty.acquire() as connection:
        await connection.execute("SET ROLE reader")
    with pytest.raises(DatabaseUnavailable, match="permission denied"):
        await migrate(empty)


async def test_the_newest_of_several_recordings_keeps_their_session(version_1: asyncpg.Pool) -> None:
    await migrate(version_1)
    rows = await version_1.fetch("SELECT live, session_uid, recording_id FROM bot_sessions ORDER BY recording_id")
    assert [tuple(row) for row in rows] == [(True, "session", 100000000033), (False, "session", 100000000034)]


async def test_an_uploaded_file_without_a_known_version_counts_as_missing_until_it_is_read(
    version_1: asyncpg.Pool,
) -> None:
    await migrate(version_1)
    columns = "status, size, etag, object_modified_at IS NOT NULL, missing_at IS NOT NULL"
    row = await version_1.fetchrow(f"SELECT {columns} FROM media_files WHERE id = 100000000043")  # noqa: S608 - our own
    assert tuple(row or ()) == ("uploaded", 0, "", True, True)
