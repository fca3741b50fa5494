"""Names are found in spite of typing errors on a server that has pg_trgm: Debian's PostgreSQL, not the embedded one."""

from collections.abc import AsyncGenerator

import asyncpg
import pytest
import pytest_asyncio

from gateway.catalog import Owner, RecordingFilter
from gateway.db.migrations import migrate
from gateway.db.pool import open_pool
from gateway.db.search import PgRecordingSearch
from tests.conftest import scratch_database
from tests.db.debian import DebianServer

NAMES = {1: "Quarterly roadmap", 2: "Weekly standup", 3: "Weekly meeting with Zoë", 4: None}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def pool(debian: DebianServer) -> AsyncGenerator[asyncpg.Pool]:
    """Two owners with the same names; the other's recordings are 100 more."""
    async with (
        scratch_database(debian.url(), template="template1") as url,
        open_pool(url, min_size=1, max_size=2, command_timeout_seconds=60) as pool,
    ):
        await migrate(pool)
        for owner in (0, 100):
            user = await pool.fetchval("INSERT INTO users (email) VALUES ($1) RETURNING id", f"{owner}@example.org")
            await pool.executemany(
                """INSERT INTO recordings (id, user_id, live, source, status, name)
                   VALUES ($1, $2, true, 'upload', 'completed', $3)""",
                [(owner + number, user, name) for number, name in NAMES.items()],
            )
        yield pool


async def found(pool: asyncpg.Pool, text: str) -> list[int]:
    user = await pool.fetchval("SELECT id FROM users WHERE email = '0@example.org'")
    page = await PgRecordingSearch(pool).search(Owner(user), text, RecordingFilter(), limit=9, offset=0)
    return [each.recording.id for each in page.results]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("quaterly", [1]),
        ("roadmpa", [1]),
        ("quartrely roadmap", [1]),
        ("weekly stanudp", [2]),
        ("meetng", [3]),
        ("zeppelin", []),
        ("weekly", [2, 3]),
        ('"weekly meeting"', [3]),
        ("weekly mee", [3]),
    ],
)
async def test_a_misspelled_name_is_found_and_only_among_the_owner_s(
    pool: asyncpg.Pool, text: str, ids: list[int]
) -> None:
    assert sorted(await found(pool, text)) == ids


@pytest.mark.asyncio(loop_scope="module")
async def test_a_name_that_is_spelled_right_is_not_compared_with_others(pool: asyncpg.Pool) -> None:
    assert await found(pool, "standup") == [2]
