"""Full-text search in PostgreSQL, over the names of recordings and their transcript segments.

In both indexes the words of an owner are next to each other (schema.sql), so that a search reads nothing of other owners. What
one search reads is bounded, so that of words that occur very often not every match is ranked. Names that are spelled
differently are found where the server has pg_trgm.
"""

from collections.abc import Mapping
from dataclasses import astuple
from typing import Any, Final

from gateway.catalog import Owner, RecordingFilter
from gateway.catalog.search import Match, RecordingSearch, SearchPage, SearchResult
from gateway.db.pool import Tables, connected, storable
from gateway.db.rows import read_rows, recording, with_recording_columns
from gateway.protocol.search_words import parse_search

# $1, $2 owner; $3 the search; $4 a search that an index answers without reading texts, and that finds at least as much;
# $5 the search without its owner's mark, which names are compared with; $6 the text as typed; $7, $8 limit and offset; from
# $9 on the filters; $17 the search without its last word, of which any may follow, or NULL.
#
# The newest 2000 segments that the filters allow are always searched (`newest`). A word that is in 100 of them, and a phrase
# whose words are together in 200 of them, is searched in those only: finding what is common in all segments takes long.
# Anything else is looked up in the index as well (`ever`), before the filters: of what it returns, 5000 segments are
# compared with the search, up to the first 1000 that match. They come in the order in which they are stored, so that the
# same search finds the same. A beginning may be that of thousands of words, and the index would read what each of them is
# in. So the segments with the other words are compared first (`others`): it is not looked up if they are fewer than 5000,
# which finds exactly as much, or if 100 of 5000 match. Of names, 5000 are compared likewise (`named`). Where more than 1000 match, the newest 2000
# names are compared instead (`newly_named`).
SEARCH: Final = with_recording_columns("""
    WITH mine AS NOT MATERIALIZED (
        SELECT * FROM recordings
        WHERE user_id = $1 AND live = $2
          AND ($9::text IS NULL OR device_id = $9) AND ($10::text IS NULL OR end_user_id = $10)
          AND ($11::text IS NULL OR status = $11) AND ($12::text IS NULL OR main_type = $12)
          AND ($13::timestamptz IS NULL OR created_at > $13) AND ($14::timestamptz IS NULL OR created_at < $14)
          AND ($15::float8 IS NULL OR duration_seconds >= $15) AND ($16::float8 IS NULL OR duration_seconds <= $16)
    ), newest AS MATERIALIZED (
        SELECT id, meeting_id, position, ts_rank(words, $3::tsquery) AS rank, words @@ $3::tsquery AS matches FROM (
            SELECT mine.id, meeting_id, position, words FROM mine JOIN transcript_words USING (meeting_id)
            ORDER BY mine.created_at DESC, mine.id DESC LIMIT 2000
        ) likely WHERE words @@ $4::tsquery
    ), rare AS MATERIALIZED (
        SELECT count(*) < 200 AND count(*) FILTER (WHERE matches) < 100 AS is_rare FROM newest
    ), others AS MATERIALIZED (
        SELECT meeting_id, position, words, words @@ $3::tsquery AS matches FROM (
            SELECT meeting_id, position, words FROM transcript_words
            WHERE words @@ $17::tsquery AND (SELECT is_rare FROM rare) LIMIT 5000
        ) likely
    ), enough AS MATERIALIZED (
        SELECT $17::tsquery IS NOT NULL AND (count(*) < 5000 OR count(*) FILTER (WHERE matches) >= 100) AS is_enough
        FROM others
    ), ever AS MATERIALIZED (
        SELECT meeting_id, position, ts_rank(words, $3::tsquery) AS rank FROM (
            SELECT meeting_id, position, words FROM others WHERE matches AND (SELECT is_enough FROM enough)
            UNION ALL
            SELECT meeting_id, position, words FROM (
                SELECT meeting_id, position, words FROM transcript_words
                WHERE words @@ $4::tsquery AND (SELECT is_rare AND NOT is_enough FROM rare, enough) LIMIT 5000
            ) likely WHERE words @@ $3::tsquery
        ) found LIMIT 1000
    ), said AS MATERIALIZED (
        SELECT id, meeting_id, position, rank FROM newest WHERE matches
        UNION SELECT mine.id, meeting_id, position, rank FROM ever JOIN mine USING (meeting_id)
    ), named AS MATERIALIZED (
        SELECT id FROM (
            SELECT id, name FROM mine
            WHERE name IS NOT NULL AND words_of(user_id, live, NULL, name) @@ $4::tsquery LIMIT 5000
        ) likely WHERE to_tsvector('pg_catalog.simple', left(name, 80000)) || '@' @@ $5::tsquery LIMIT 1001
    ), newly_named AS MATERIALIZED (
        SELECT id FROM (
            SELECT id, name FROM mine WHERE (SELECT count(*) FROM named) > 1000
            ORDER BY created_at DESC, id DESC LIMIT 2000
        ) newest WHERE to_tsvector('pg_catalog.simple', left(name, 80000)) || '@' @@ $5::tsquery LIMIT 1000
    ), ranked AS (
        SELECT mine.id, sum(rank) AS rank FROM (
            SELECT id, max(rank) + ln(1 + count(*)) / 10 AS rank FROM said GROUP BY id
            UNION ALL (SELECT id, 1 FROM named UNION SELECT id, 1 FROM newly_named)
            UNION ALL SELECT id, similarity FROM names_alike($1, $2, $6) WHERE NOT EXISTS (SELECT FROM named)
            UNION ALL SELECT r.id, 1 FROM meetings m JOIN recordings r ON r.meeting_id = m.id
                      WHERE m.user_id = $1 AND m.live = $2 AND m.native_meeting_id = btrim($6)
        ) each JOIN mine USING (id)
        GROUP BY mine.id, mine.created_at ORDER BY rank DESC, mine.created_at DESC, mine.id DESC LIMIT $7 OFFSET $8
    )
    SELECT to_json(found) FROM (
        SELECT r.*, ranked.rank, {media_files}, {meeting}, (
            SELECT json_agg(best ORDER BY best.start_seconds, best.position) FROM (
                SELECT s.* FROM said JOIN transcript_segments s USING (meeting_id, position)
                WHERE said.id = r.id ORDER BY said.rank DESC, s.position LIMIT 10
            ) best
        ) AS matches
        FROM ranked JOIN recordings r ON r.id = ranked.id
    ) found
    ORDER BY rank DESC, created_at DESC, id DESC
""")


class PgRecordingSearch(Tables, RecordingSearch):
    """The search."""

    # One plan for all words suits neither the common nor the rare ones: it can take a thousand times as long. A planner that
    # expects a common word everywhere would look for it in the whole table, where it may be at the end. And several
    # processes together would read a table in another order each time.
    #
    # `likely` has no distances between words, no `-word` and no short beginning of a word: for each of them an index reads much.
    PREPARE_SEARCH: Final = r"""
        SELECT set_config('plan_cache_mode', 'force_custom_plan', true), set_config('enable_seqscan', 'off', true),
               set_config('max_parallel_workers_per_gather', '0', true),
               words::text AS words,
               regexp_replace(querytree(likely), ' <(-|\d+)> ', ' & ', 'g') AS likely,
               -- In a language in which the other words are only stop words, the last one alone is searched for.
               CASE WHEN NOT EXISTS (
                   SELECT FROM unnest('{danish,german,english,spanish,french,italian,dutch,norwegian,portuguese,russian,swedish}'
                       ::regconfig[]) language WHERE numnode(websearch_to_tsquery(language, $8)) = 0
               ) THEN regexp_replace(querytree(others), ' <(-|\d+)> ', ' & ', 'g') END AS others,
               regexp_replace(
                   regexp_replace(words::text, '''@[0-9a-f]+t?/''', '''@''', 'g'), '''@[0-9a-f]+t?/', '''', 'g'
               ) AS unmarked
        FROM search_query($1, $2, $3, $4) words, coalesce(search_query($1, $2, $5, $6), words) likely,
             search_query($1, $2, $7, $8) others
    """

    async def search(self, owner: Owner, text: str, wanted: RecordingFilter, *, limit: int, offset: int) -> SearchPage:
        words = parse_search(text)
        if not words.exact or not storable(text, offset, wanted.device_id, wanted.end_user_id):
            return SearchPage((), has_more=False)
        filters = (
            *(wanted.device_id, wanted.end_user_id, wanted.status, wanted.type),
            *(wanted.created_after, wanted.created_before, wanted.min_duration_seconds, wanted.max_duration_seconds),
        )
        who = (owner.user_id, owner.live)
        async with connected(self._pool) as connection, connection.transaction():
            ((*_, query, likely, others, unmarked),) = await connection.fetch(
                self.PREPARE_SEARCH, *who, *astuple(words)
            )
            page = (text, limit + 1, offset)
            rows = await connection.fetch(SEARCH, *who, query, likely, unmarked, *page, *filters, others)
        shown = read_rows(_result, (row for (row,) in rows[:limit]))
        return SearchPage(shown, has_more=len(rows) > limit)


def _result(row: Mapping[str, Any]) -> SearchResult:
    return SearchResult(recording(row), tuple(_match(segment) for segment in row["matches"] or ()))


def _match(segment: Mapping[str, Any]) -> Match:
    return Match(segment["start_seconds"], segment["end_seconds"], segment["speaker"], segment["text"])
