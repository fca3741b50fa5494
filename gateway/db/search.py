"""Full-text search in PostgreSQL, over the names of recordings and their transcript segments.

In both indexes the words of an owner are next to each other (schema.sql), so that a search reads nothing of other owners. Of a
word that occurs very often, at most 2000 segments and 1000 names are ranked. Names that are spelled differently are found
where the server has pg_trgm.
"""

from collections.abc import Mapping
from typing import Any, Final

from gateway.catalog import Owner, RecordingFilter
from gateway.catalog.search import Found, Match, RecordingSearch, SearchPage
from gateway.db.pool import Tables, connected, storable
from gateway.db.rows import read_rows, recording
from gateway.protocol.search_words import parse_search

# The newest 2000 segments that the filters allow are always searched (`lately`). A word that is in 100 of them is searched
# in those only: finding a common word in all segments takes long. Any other word is looked up in the index as well, which
# returns at most 1000 segments, in no particular order and before the filters (`ever`).
# $1, $2 owner; $3, $4 the search's two queries; $5, $6 limit and offset; from $7 on the filters.
SEARCH: Final = """
    WITH mine AS NOT MATERIALIZED (
        SELECT * FROM recordings
        WHERE user_id = $1 AND live = $2
          AND ($7::text IS NULL OR device_id = $7) AND ($8::text IS NULL OR end_user_id = $8)
          AND ($9::text IS NULL OR status = $9) AND ($10::text IS NULL OR main_type = $10)
          AND ($11::timestamptz IS NULL OR created_at > $11) AND ($12::timestamptz IS NULL OR created_at < $12)
          AND ($13::float8 IS NULL OR duration_seconds >= $13) AND ($14::float8 IS NULL OR duration_seconds <= $14)
    ), lately AS MATERIALIZED (
        SELECT id, meeting_id, position, ts_rank(words, search_query($1, $2, $3, $4)) AS rank
        FROM (
            SELECT mine.id, meeting_id, position, words FROM mine JOIN transcript_words USING (meeting_id)
            ORDER BY mine.created_at DESC, mine.id DESC LIMIT 2000
        ) newest WHERE words @@ search_query($1, $2, $3, $4)
    ), ever AS MATERIALIZED (
        SELECT meeting_id, position, ts_rank(words, search_query($1, $2, $3, $4)) AS rank FROM transcript_words
        WHERE words @@ search_query($1, $2, $3, $4) AND (SELECT count(*) FROM lately) < 100 LIMIT 1000
    ), said AS MATERIALIZED (
        SELECT * FROM lately UNION SELECT mine.id, meeting_id, position, rank FROM ever JOIN mine USING (meeting_id)
    ), named AS MATERIALIZED (
        SELECT id FROM mine
        WHERE name IS NOT NULL AND words_of(user_id, live, NULL, name) @@ search_query($1, $2, $3, $4) LIMIT 1000
    ), ranked AS (
        SELECT mine.id, sum(rank) AS rank FROM (
            SELECT id, max(rank) + ln(1 + count(*)) / 10 AS rank FROM said GROUP BY id
            UNION ALL SELECT id, 1 FROM named
            UNION ALL SELECT id, similarity FROM names_alike($1, $2, $4) WHERE NOT EXISTS (SELECT FROM named)
            UNION ALL SELECT r.id, 1 FROM meetings m JOIN recordings r ON r.meeting_id = m.id
                      WHERE m.user_id = $1 AND m.live = $2 AND m.native_meeting_id = btrim($4)
        ) each JOIN mine USING (id)
        GROUP BY mine.id, mine.created_at ORDER BY rank DESC, mine.created_at DESC, mine.id DESC LIMIT $5 OFFSET $6
    )
    SELECT to_json(found) FROM (
        SELECT r.*, ranked.rank,
            (SELECT json_agg(m ORDER BY m.created_at, m.id) FROM media_files m WHERE m.recording_id = r.id) AS media_files,
            (
                SELECT json_build_object('platform', platform, 'native_meeting_id', native_meeting_id)
                FROM meetings WHERE id = r.meeting_id
            ) AS meeting,
            (
                SELECT json_agg(best ORDER BY best.start_seconds, best.position) FROM (
                    SELECT s.* FROM said JOIN transcript_segments s USING (meeting_id, position)
                    WHERE said.id = r.id ORDER BY said.rank DESC, s.position LIMIT 10
                ) best
            ) AS matches
        FROM ranked JOIN recordings r ON r.id = ranked.id
    ) found
    ORDER BY rank DESC, created_at DESC, id DESC
"""


class PgRecordingSearch(Tables, RecordingSearch):
    """The search."""

    # One plan for all words suits neither the common nor the rare ones: it can take a thousand times as long. And a planner
    # that expects a common word everywhere would look for it in the whole table, where it may be at the end.
    PLAN_EACH_SEARCH: Final = """
        SELECT set_config('plan_cache_mode', 'force_custom_plan', true), set_config('enable_seqscan', 'off', true)
    """

    async def search(self, owner: Owner, text: str, wanted: RecordingFilter, *, limit: int, offset: int) -> SearchPage:
        words = parse_search(text)
        if not words.exact or not storable(words.typed, offset, wanted.device_id, wanted.end_user_id):
            return SearchPage((), has_more=False)
        filters = (
            *(wanted.device_id, wanted.end_user_id, wanted.status, wanted.type),
            *(wanted.created_after, wanted.created_before, wanted.min_duration_seconds, wanted.max_duration_seconds),
        )
        arguments = (owner.user_id, owner.live, words.exact, words.typed, limit + 1, offset, *filters)
        async with connected(self._pool) as connection, connection.transaction():
            await connection.execute(self.PLAN_EACH_SEARCH)
            rows = await connection.fetch(SEARCH, *arguments)
        shown = read_rows(_found, (row for (row,) in rows[:limit]))
        return SearchPage(shown, has_more=len(rows) > limit)


def _found(row: Mapping[str, Any]) -> Found:
    return Found(recording(row), tuple(_match(segment) for segment in row["matches"] or ()))


def _match(segment: Mapping[str, Any]) -> Match:
    return Match(segment["start_seconds"], segment["end_seconds"], segment["speaker"], segment["text"])
