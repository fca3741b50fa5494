"""Full-text search in PostgreSQL, over the names of recordings and their transcript segments.

Both indexes hold each owner's lexeme beside the words (schema.sql), so one index scan finds what one owner may see. A
word that occurs very often is not ranked over all of its occurrences: 1000 segments and as many
names are, in no particular order. Names that are spelled differently are found where the server has pg_trgm.
"""

from collections.abc import Mapping
from typing import Any, Final

import asyncpg

from gateway.catalog import Owner
from gateway.catalog.search import Found, Match, RecordingSearch, SearchPage
from gateway.db.pool import connected, storable
from gateway.db.rows import read_rows, recording
from gateway.protocol.search_words import parse_search

# $1, $2 owner; $3, $4 the search's two queries; $5, $6 limit and offset. 1000 is how many candidates of each kind are ranked, 10 how many matches of a recording are shown.
SEARCH: Final = """
    WITH said AS MATERIALIZED (
        SELECT w.meeting_id, w.position, ts_rank(w.words, search_query($1, $2, $3, $4)) AS rank
        FROM transcript_words w WHERE w.words @@ search_query($1, $2, $3, $4) LIMIT 1000
    ), named AS MATERIALIZED (
        SELECT r.id, 1 + ts_rank(words_of(r.user_id, r.live, NULL, r.name), search_query($1, $2, $3, $4)) AS rank
        FROM recordings r
        WHERE r.name IS NOT NULL
          AND words_of(r.user_id, r.live, NULL, r.name) @@ search_query($1, $2, $3, $4) LIMIT 1000
    ), alike AS MATERIALIZED (
        SELECT id, similarity AS rank FROM names_alike($1, $2, $4) WHERE NOT EXISTS (SELECT FROM named)
    ), ranked AS (
        SELECT id, sum(rank) AS rank FROM (
            SELECT r.id, max(said.rank) + ln(1 + count(*)) / 10 AS rank
            FROM said JOIN recordings r ON r.meeting_id = said.meeting_id AND r.user_id = $1 AND r.live = $2
            GROUP BY r.id
            UNION ALL SELECT id, rank FROM named
            UNION ALL SELECT id, rank FROM alike
        ) each GROUP BY id ORDER BY rank DESC, id DESC LIMIT $5 OFFSET $6
    )
    SELECT to_json(found) FROM (
        SELECT r.*, ranked.rank,
            (SELECT json_agg(m ORDER BY m.created_at, m.id) FROM media_files m WHERE m.recording_id = r.id) AS media_files,
            (
                SELECT json_agg(best ORDER BY best.start_seconds, best.position) FROM (
                    SELECT s.* FROM said JOIN transcript_segments s USING (meeting_id, position)
                    WHERE said.meeting_id = r.meeting_id ORDER BY said.rank DESC, s.position LIMIT 10
                ) best
            ) AS matches
        FROM ranked JOIN recordings r ON r.id = ranked.id
    ) found
    ORDER BY rank DESC, id DESC
"""


class PgRecordingSearch(RecordingSearch):
    """The search, each call on a connection of its own."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool

    async def search(self, owner: Owner, text: str, *, limit: int, offset: int) -> SearchPage:
        words = parse_search(text)
        if not words.exact or not storable(words.typed, offset):
            return SearchPage((), has_more=False)
        arguments = (owner.user_id, owner.live, words.exact, words.typed, limit + 1, offset)
        async with connected(self._pool) as connection:
            rows = await connection.fetch(SEARCH, *arguments)
        shown = read_rows(_found, (row for (row,) in rows[:limit]))
        return SearchPage(shown, has_more=len(rows) > limit)


def _found(row: Mapping[str, Any]) -> Found:
    return Found(recording(row), tuple(_match(segment) for segment in row["matches"] or ()))


def _match(segment: Mapping[str, Any]) -> Match:
    return Match(segment["start_seconds"], segment["end_seconds"], segment["speaker"], segment["text"])
