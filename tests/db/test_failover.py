"""A URL that names several hosts: the pool finds the primary, and the next one after a failover."""

import asyncio
from pathlib import Path

import asyncpg
import pytest

from gateway.catalog import Owner
from gateway.db.api_keys import PgApiKeys
from gateway.db.migrations import migrate
from gateway.db.pool import connected, open_pool
from gateway.db.recordings import PgRecordingCatalog
from gateway.errors import Unavailable
from tests.db.debian import DebianServer, debian_server


def both(first: DebianServer, second: DebianServer) -> str:
    hosts = f"127.0.0.1:{first.port},127.0.0.1:{second.port}"
    return f"postgresql://postgres@{hosts}/postgres?target_session_attrs=read-write"


async def test_a_promoted_standby_takes_over_at_the_other_address_with_other_versions_of_transcripts(
    debian_cluster: Path,
) -> None:
    with debian_server(debian_cluster) as primary, debian_server(primary) as standby:
        async with open_pool(both(standby, primary), min_size=2, max_size=4, command_timeout_seconds=30) as pool:
            await migrate(pool)
            version = await _version_of_a_transcript(pool)
            assert await _version_of_a_transcript(pool) == version
            await pool.execute("CREATE TABLE kept (n integer)")
            await pool.execute("INSERT INTO kept VALUES (1)")
            await _until(f"postgresql://postgres@127.0.0.1:{standby.port}/postgres", "SELECT true FROM kept")
            primary.stop()
            with pytest.raises(Unavailable):
                async with connected(pool) as connection:
                    await connection.execute("INSERT INTO kept VALUES (2)")
            standby.promote()
            async with connected(pool) as connection:
                await connection.execute("INSERT INTO kept VALUES (3)")
                assert await connection.fetchval("SELECT sum(n) FROM kept") == 4
            # Rows of transactions that the standby has not received may have had the same numbers.
            assert await _version_of_a_transcript(pool) != version


async def _version_of_a_transcript(pool: asyncpg.Pool) -> str:
    owner = Owner(await PgApiKeys(pool).ensure_user("owner@example.org"))
    await pool.execute(
        """INSERT INTO meetings (user_id, live, platform, native_meeting_id)
           SELECT $1, true, 'zoom', '1' WHERE NOT EXISTS (SELECT FROM meetings)""",
        owner.user_id,
    )
    version = await PgRecordingCatalog(pool).find_transcript_version(owner, "zoom", "1")
    assert version is not None
    return version


async def test_a_server_that_became_read_only_is_left_for_the_one_that_is_not(pool: asyncpg.Pool) -> None:
    async with pool.acquire() as connection:
        await connection.execute("SET default_transaction_read_only = on")
    with pytest.raises(Unavailable):
        async with connected(pool) as connection:
            await connection.execute("INSERT INTO users (email) VALUES ('a@example.org')")
    async with connected(pool) as connection:
        await connection.execute("INSERT INTO users (email) VALUES ('a@example.org')")


async def _until(url: str, question: str) -> None:
    """Wait until the server at the URL answers the question with true."""
    async with asyncio.timeout(60):
        while True:
            connection = await asyncpg.connect(url)
            try:
                if await connection.fetchval(question):
                    return
            except asyncpg.UndefinedTableError:
                pass
            finally:
                await connection.close()
            await asyncio.sleep(0.1)
