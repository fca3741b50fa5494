"""What a search finds of a word that occurs more often than it reads."""

from typing import Final

import asyncpg
import pytest

from gateway.catalog import Owner, RecordingFilter
from gateway.db.search import PgRecordingSearch

USER: Final = 100_000_000_000
NEWEST: Final = USER + 1
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


@pytest.fixture
async def search(pool: asyncpg.Pool) -> PgRecordingSearch:
    await pool.execute(FILL)
    return PgRecordingSearch(pool)


@pytest.mark.parametrize("word", ["budget", "standup"])
async def test_a_filter_does_not_hide_the_only_match_that_it_allows(search: PgRecordingSearch, word: str) -> None:
    page = await search.search(Owner(USER), word, RecordingFilter(device_id="new"), limit=9, offset=0)
    assert [found.recording.id for found in page.found] == [NEWEST]


async def test_the_newest_match_is_found_among_many_old_ones(search: PgRecordingSearch) -> None:
    page = await search.search(Owner(USER), "budget", RecordingFilter(), limit=9, offset=0)
    assert {found.recording.id for found in page.found} == {NEWEST, USER + 3}
