"""Searches for words that occur more often than a search reads: what they find, and how much they read."""

import json
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from dataclasses import astuple
from datetime import datetime, timedelta
from typing import Any, Final

import asyncpg
import pytest
import pytest_asyncio

from gateway.catalog import Owner, RecordingFilter
from gateway.db.pool import open_pool
from gateway.db.search import SEARCH, PgRecordingSearch
from gateway.protocol.search_words import parse_search
from tests.conftest import scratch_database

USER: Final = 100_000_000_000
NEWEST: Final = USER + 1
WHO: Final = (USER, True)
# Device `old` said the word 1500 times, under names that all have another word; then much else was said; then device `new`
# said the word once. The planner knows the frequencies.
FILL: Final = f"""
    INSERT INTO users (id, email) VALUES ({USER}, 'a@example.org');
    INSERT INTO meetings (id, user_id, live, platform, native_meeting_id)
        SELECT {USER} + n, {USER}, true, 'zoom', n::text FROM generate_series(1, 3) n;
    INSERT INTO transcript_segments (meeting_id, position, start_seconds, end_seconds, text)
        SELECT {USER} + 3, n, n, n + 1, 'budget' FROM generate_series(1, 1500) n;
    INSERT INTO transcript_segments (meeting_id, position, start_seconds, end_seconds, text)
        SELECT {USER} + 2, n, n, n + 1, 'weather' FROM generate_series(1, 2000) n;
    INSERT INTO transcript_segments (meeting_id, position, start_seconds, end_seconds, text)
        VALUES ({NEWEST}, 1, 0, 1, 'budget');
    INSERT INTO recordings (id, user_id, live, meeting_id, source, status, name, device_id, created_at)
        SELECT {USER} + n, {USER}, true, CASE WHEN n <= 3 THEN {USER} + n END, 'upload', 'completed', 'Standup ' || n,
               CASE n WHEN 1 THEN 'new' ELSE 'old' END, now() - n * interval '1 minute'
        FROM generate_series(1503, 1, -1) n;
    ANALYZE
"""  # noqa: S608 - numbers of our own


# The statistics stay as the fill's ANALYZE made them, however long the tests take.
KEEP_STATISTICS: Final = "; ".join(
    f"ALTER TABLE {table} SET (autovacuum_enabled = false)"
    for table in ("meetings", "recordings", "transcript_segments", "transcript_words")
)


@asynccontextmanager
async def filled_database(postgres: str, fill: str) -> AsyncGenerator[str]:
    """The URL of a database with these rows. The tests only read, so those of the same rows share one."""
    async with scratch_database(postgres) as url:
        async with small_pool(url) as pool:
            await pool.execute(KEEP_STATISTICS)
            await pool.execute(fill)
        yield url


@asynccontextmanager
async def small_pool(url: str) -> AsyncGenerator[asyncpg.Pool]:
    async with open_pool(url, min_size=1, max_size=5, command_timeout_seconds=30) as pool:
        yield pool


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def standups(postgres: str) -> AsyncGenerator[str]:
    async with filled_database(postgres, FILL) as url:
        yield url


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def talk(postgres: str) -> AsyncGenerator[str]:
    async with filled_database(postgres, TALK) as url:
        yield url


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def beginnings(postgres: str) -> AsyncGenerator[str]:
    async with filled_database(postgres, BEGINNINGS) as url:
        yield url


@pytest.fixture
async def search(standups: str) -> AsyncGenerator[PgRecordingSearch]:
    async with small_pool(standups) as pool:
        yield PgRecordingSearch(pool)


@pytest.mark.parametrize("word", ["budget", "standup"])
async def test_a_filter_does_not_hide_the_only_match_that_it_allows(search: PgRecordingSearch, word: str) -> None:
    page = await search.search(Owner(USER), word, RecordingFilter(device_id="new"), limit=9, offset=0)
    assert [result.recording.id for result in page.results] == [NEWEST]


async def test_the_newest_match_is_found_among_many_old_ones(search: PgRecordingSearch) -> None:
    page = await search.search(Owner(USER), "budget", RecordingFilter(), limit=9, offset=0)
    assert {result.recording.id for result in page.results} == {NEWEST, USER + 3}


async def test_a_search_for_a_common_name_finds_the_newest_recordings(search: PgRecordingSearch) -> None:
    page = await search.search(Owner(USER), "standup", RecordingFilter(), limit=100, offset=0)
    assert [result.recording.id for result in page.results] == [USER + n for n in range(1, 101)]


@pytest.mark.parametrize(
    "text",
    [
        *('"standup 700"', '"700"', "standup 700", "sta -beagle 700", "700 -weather", "700 st"),
        # While a phrase is typed, and after it.
        *('standup "700', '700 "sta', '700 "standup 7', '700 "standup 700" ,'),
    ],
)
async def test_a_name_is_found_by_its_phrase_and_beginning(search: PgRecordingSearch, text: str) -> None:
    page = await search.search(Owner(USER), text, RecordingFilter(), limit=9, offset=0)
    assert [result.recording.id for result in page.results] == [USER + 700]


@pytest.mark.parametrize("text", ['"700 standup"', '"standup standup"', "700 -standup", '700 -"standup 700"', "700 x"])
async def test_a_name_is_not_found_by_its_words_alone(search: PgRecordingSearch, text: str) -> None:
    page = await search.search(Owner(USER), text, RecordingFilter(), limit=9, offset=0)
    assert page.results == ()


@pytest.mark.parametrize(
    ("text", "number"), [('-"standup 7"', 2), ("-zeppelin", 2), ("zeppelin or 7", 7), ("zeppelin OR 7", 7)]
)
async def test_a_search_finds_what_lacks_a_phrase_and_what_has_one_of_two_words(
    search: PgRecordingSearch, text: str, number: int
) -> None:
    page = await search.search(Owner(USER), text, RecordingFilter(), limit=2000, offset=0)
    assert USER + number in {result.recording.id for result in page.results}


# Two words that are common and never next to each other, in segments and in names; older than what is always searched.
TALK: Final = f"""
    INSERT INTO users (id, email) VALUES ({USER}, 'a@example.org');
    INSERT INTO meetings (id, user_id, live, platform, native_meeting_id)
        SELECT {USER} + n, {USER}, true, 'zoom', n::text FROM generate_series(1, 2) n;
    INSERT INTO transcript_segments (meeting_id, position, start_seconds, end_seconds, text)
        SELECT {USER} + 1, n, n, n + 1, 'silence' FROM generate_series(1, 2000) n;
    INSERT INTO transcript_segments (meeting_id, position, start_seconds, end_seconds, text)
        SELECT {USER} + 2, n, n, n + 1, 'yes of course no' FROM generate_series(1, 6000) n;
    INSERT INTO recordings (id, user_id, live, meeting_id, source, status, name, created_at)
        SELECT {USER} + n, {USER}, true, CASE WHEN n <= 2 THEN {USER} + n END, 'upload', 'completed', 'yes and no',
               now() - n * interval '1 minute'
        FROM generate_series(1, 6000) n;
    ANALYZE
"""  # noqa: S608 - numbers of our own


async def plan_of(pool: asyncpg.Pool, text: str, created_before: datetime | None = None) -> list[dict[str, Any]]:
    """The nodes of the plan of a search that was run."""
    filters = (None, None, None, None, None, created_before, None, None)
    async with pool.acquire() as connection, connection.transaction():
        arguments = (*WHO, *astuple(parse_search(text)))
        (prepared,) = await connection.fetch(PgRecordingSearch.PREPARE_SEARCH, *arguments)
        queries = prepared["words"], prepared["likely"], prepared["unmarked"]
        explained = f"EXPLAIN (ANALYZE, FORMAT JSON) {SEARCH}"
        (plan,) = json.loads(
            await connection.fetchval(explained, *WHO, *queries, text, 26, 0, *filters, prepared["others"])
        )
    return list(nodes(plan["Plan"]))


def nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield node
    for child in node.get("Plans", ()):
        yield from nodes(child)


@pytest.mark.parametrize("text", ['"yes no"', '"yes yes yes"', "yes zz", "yes -no", '-"yes of"', "yes y -co"])
async def test_a_search_compares_at_most_5000_segments_and_names(talk: str, text: str) -> None:
    async with small_pool(talk) as pool:
        plan = await plan_of(pool, text)
    compared = [node for node in plan if node.get("Rows Removed by Index Recheck", 0) > 0]
    assert not compared, "the index returned what had to be compared with the text"
    assert max(node["Actual Rows"] for node in plan if node["Node Type"] == "Limit") <= 5000
    assert max(node.get("Rows Removed by Filter", 0) for node in plan) <= 5000


@pytest.mark.parametrize("text", ["yes", '"yes no"', '"yes yes yes"'])
async def test_a_word_that_is_common_among_the_newest_segments_is_not_looked_up_in_the_index(
    talk: str, text: str
) -> None:
    async with small_pool(talk) as pool:
        # Without the newest recording, whose segments are all silent.
        newest = await pool.fetchval("SELECT max(created_at) FROM recordings")
        plan = await plan_of(pool, text, created_before=newest - timedelta(seconds=30))
    (looked_up,) = [node for node in plan if node.get("Index Name") == "transcript_words_by_word"]
    assert looked_up["Actual Loops"] == 0


# Old segments in which 6,000 times a frequent word is said, and 150 times, after half of them, a word that begins alike.
BEGINNINGS: Final = f"""
    INSERT INTO users (id, email) VALUES ({USER}, 'a@example.org');
    INSERT INTO meetings (id, user_id, live, platform, native_meeting_id)
        SELECT {USER} + n, {USER}, true, 'zoom', n::text FROM generate_series(1, 2) n;
    INSERT INTO transcript_segments (meeting_id, position, start_seconds, end_seconds, text, language)
        SELECT {USER} + 1, n, n, n + 1, 'silence', 'en' FROM generate_series(1, 2000) n;
    INSERT INTO transcript_segments (meeting_id, position, start_seconds, end_seconds, text, language)
        SELECT {USER} + 2, n, n, n + 1, concat_ws(' ', 'often', CASE WHEN n % 3 = 0 THEN 'third' END,
                                                  CASE WHEN n > 5990 THEN 'seldom' || n END, 'word' || n % 500,
                                                  CASE WHEN n = 5999 THEN 'the zeppelin' END), 'en'
        FROM generate_series(1, 6000) n;
    INSERT INTO recordings (id, user_id, live, meeting_id, source, status, name, created_at)
        SELECT {USER} + n, {USER}, true, {USER} + n, 'upload', 'completed', NULL, now() - n * interval '1 minute'
        FROM generate_series(1, 2) n;
    ANALYZE
"""  # noqa: S608 - numbers of our own


@pytest.mark.parametrize(
    ("text", "is_looked_up"),
    [
        ("third word", False),  # fewer than 5000 have the other word
        ("often word", False),  # more have it, and 100 of 5000 match
        ("often seldom", True),  # more have it, and what matches is stored after them
        ("the zepp", True),  # the other word is not in the index of its language
        ("often word4 -third seld", False),
    ],
)
async def test_the_beginning_of_a_word_is_looked_up_only_where_the_other_words_are_not_enough(
    beginnings: str, text: str, *, is_looked_up: bool
) -> None:
    async with small_pool(beginnings) as pool:
        plan = await plan_of(pool, text)
        page = await PgRecordingSearch(pool).search(Owner(USER), text, RecordingFilter(), limit=9, offset=0)
    assert max(node["Actual Rows"] for node in plan if node["Node Type"] == "Limit") <= 5000
    scans = [node for node in plan if node.get("Index Name") == "transcript_words_by_word"]
    assert bool(scans[-1]["Actual Loops"]) == is_looked_up
    assert [result.recording.id for result in page.results] == ([] if "-" in text else [USER + 2])


@pytest.mark.parametrize("text", ["nobody or third", "nobody OR, third", "nobody or:third"])
async def test_what_follows_or_is_found_without_the_words_before_it(beginnings: str, text: str) -> None:
    async with small_pool(beginnings) as pool:
        page = await PgRecordingSearch(pool).search(Owner(USER), text, RecordingFilter(), limit=9, offset=0)
    assert [result.recording.id for result in page.results] == [USER + 2]
