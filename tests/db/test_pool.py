"""The pool of connections, on a real server."""

import asyncio
import os
import signal

import asyncpg
import pytest

from gateway.db import pool as pools
from gateway.db.pool import DatabaseUnavailable, connected, open_pool, storable
from gateway.errors import Unavailable


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://user:s3cret-word@127.0.0.1:1/db",
        "postgresql://user@127.0.0.1:1/db?password=s3cret-word",
        "postgresql://user:s3cret-word/x@127.0.0.1/db",
        "mysql://user:s3cret-word@127.0.0.1/db",
    ],
    ids=["nobody listens", "password in the query", "malformed", "another scheme"],
)
async def test_a_database_that_cannot_be_reached_is_named_without_its_password(url: str) -> None:
    with pytest.raises(DatabaseUnavailable) as caught:
        async with open_pool(url, min_size=1, max_size=1, command_timeout_seconds=1):
            pass
    assert "s3cret" not in str(caught.value)


async def test_a_missing_database_is_named(postgres: str) -> None:
    url = postgres.replace("/postgres?", "/nowhere?")
    with pytest.raises(DatabaseUnavailable, match='"nowhere" does not exist'):
        async with open_pool(url, min_size=1, max_size=1, command_timeout_seconds=1):
            pass


async def test_a_server_that_cuts_the_connection_is_unavailable_and_the_next_call_works(pool: asyncpg.Pool) -> None:
    with pytest.raises(Unavailable) as caught:
        async with connected(pool) as connection:
            await connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    assert caught.value.retry_after_seconds == 5
    async with connected(pool) as connection:
        assert await connection.fetchval("SELECT 1") == 1


async def test_a_statement_that_takes_too_long_is_unavailable(database_url: str) -> None:
    async with open_pool(database_url, min_size=1, max_size=1, command_timeout_seconds=0.05) as pool:
        with pytest.raises(Unavailable):
            async with connected(pool) as connection:
                await connection.execute("SELECT pg_sleep(30)")


async def test_a_call_that_is_cancelled_while_the_server_hangs_stays_cancelled(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # This is also how long the server may take to cancel a statement.
    monkeypatch.setattr(pools, "ACQUIRE_TIMEOUT_SECONDS", 0.2)
    running = asyncio.Event()

    async def call(pool: asyncpg.Pool) -> None:
        async with connected(pool) as connection:
            running.set()
            await connection.execute("SELECT pg_sleep(600)")

    async with open_pool(database_url, min_size=1, max_size=1, command_timeout_seconds=600) as pool:
        server = await pool.fetchval("SELECT pg_backend_pid()")
        caller = asyncio.create_task(call(pool))
        await running.wait()
        os.kill(server, signal.SIGSTOP)
        try:
            caller.cancel()
            with pytest.raises(asyncio.CancelledError):
                await caller
        finally:
            os.kill(server, signal.SIGCONT)


async def test_our_own_mistake_is_not_called_unavailable(pool: asyncpg.Pool) -> None:
    with pytest.raises(asyncpg.UndefinedTableError):
        async with connected(pool) as connection:
            await connection.execute("SELECT * FROM nowhere")
    with pytest.raises(asyncpg.DataError, match="invalid input"):
        async with connected(pool) as connection:
            await connection.execute("SELECT $1::bigint", "not a number")


async def test_a_connection_is_given_back_without_its_transaction(database_url: str) -> None:
    async with open_pool(database_url, min_size=1, max_size=1, command_timeout_seconds=30) as pool:
        async with connected(pool) as connection:
            await connection.execute("BEGIN")
            await connection.execute("INSERT INTO users (email) VALUES ('a@example.org')")
        assert await pool.fetchval("SELECT count(*) FROM users") == 0


async def test_metadata_survives_the_way_through_jsonb(pool: asyncpg.Pool) -> None:
    metadata = {"ünï": [1, 2.5, None, True, {"deep": "☃"}], "big": 2**53}
    assert await pool.fetchval("SELECT $1::jsonb", metadata) == metadata


@pytest.mark.parametrize("value", [2**63 - 1, 1 - 2**63, "", "ünï ☃ 🎧"])
async def test_a_storable_value_is_read_back_unchanged(pool: asyncpg.Pool, value: int | str) -> None:
    assert storable(value)
    kind = "bigint" if isinstance(value, int) else "text"
    assert await pool.fetchval(f"SELECT $1::{kind}", value) == value


@pytest.mark.parametrize("value", [2**63, 10**400, "nul\0", "\udc80"], ids=["2**63", "huge", "nul", "surrogate"])
async def test_a_value_that_is_not_storable_is_refused_by_the_database(pool: asyncpg.Pool, value: int | str) -> None:
    assert not storable(0, value, "")
    kind = "bigint" if isinstance(value, int) else "text"
    with pytest.raises(asyncpg.DataError):
        await pool.fetchval(f"SELECT $1::{kind}", value)
