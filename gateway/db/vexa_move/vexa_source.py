"""The database of a Vexa deployment, read in one read-only, repeatable-read transaction.

Rows are read as JSON text (`to_jsonb`). A column that this Vexa lacks is therefore an absent member, and a value that
Python cannot represent (a year before Christ, a number of thousands of digits) affects only its member, not the whole
read. A role that may only SELECT is enough.
"""

import json
from collections import defaultdict
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import asyncpg

from gateway.catalog import VexaSource
from gateway.db.pool import CONNECT_TIMEOUT_SECONDS, TROUBLE, DatabaseUnavailable, public_name

_BATCH: Final = 100
_DIGITS_READ: Final = 40
_NEEDED: Final = ("users", "api_tokens", "meetings")

# Local to the transaction: a pooler gives the connection to others afterwards.
PREPARE: Final = """
    SELECT set_config('TimeZone', 'UTC', true), set_config('DateStyle', 'ISO', true),
           set_config('statement_timeout', '0', true),
           set_config('idle_in_transaction_session_timeout', '0', true)
"""
# pg_attribute, because information_schema hides columns that the role may not read.
LIST_COLUMNS: Final = """
    SELECT c.relname::text, a.attname::text FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
    WHERE c.oid = ANY (ARRAY[to_regclass('users'), to_regclass('api_tokens'), to_regclass('meetings'),
                             to_regclass('meeting_sessions'), to_regclass('transcriptions'),
                             to_regclass('recordings'), to_regclass('media_files'),
                             to_regclass('platform_settings')])
      AND a.attnum > 0 AND NOT a.attisdropped
"""
LIST_USERS: Final = "SELECT (to_jsonb(u) - 'data')::text FROM users u ORDER BY id"
LIST_TOKENS: Final = "SELECT to_jsonb(t)::text FROM api_tokens t WHERE user_id = $1 ORDER BY id"
COUNT_MEETINGS: Final = "SELECT count(*) FROM meetings"
LIST_MEETINGS: Final = """
    SELECT (to_jsonb(m) - 'data')::text, data::text FROM meetings m WHERE id > $1 ORDER BY id LIMIT $2
"""
LIST_MEETINGS_OF_USER: Final = """
    SELECT (to_jsonb(m) - 'data')::text, data::text FROM meetings m WHERE id > $1 AND user_id = $3
    ORDER BY id LIMIT $2
"""
LIST_SESSIONS: Final = "SELECT to_jsonb(s)::text FROM meeting_sessions s WHERE meeting_id = $1 ORDER BY id"
LIST_SPOKEN: Final = "SELECT to_jsonb(t)::text FROM transcriptions t WHERE meeting_id = $1 ORDER BY id"
COUNT_SPOKEN: Final = "SELECT count(*) FROM transcriptions WHERE meeting_id = $1"
LIST_RECORDING_ROWS: Final = "SELECT to_jsonb(r)::text FROM recordings r ORDER BY id"
LIST_MEDIA_ROWS: Final = "SELECT to_jsonb(m)::text FROM media_files m ORDER BY id"

Row = dict[str, Any]


@asynccontextmanager
async def open_vexa(url: str) -> AsyncGenerator["PgVexaSource"]:
    """The Vexa database at `url`, in one snapshot until the block ends.

    Raises DatabaseUnavailable if it cannot be read, is lost, or is not a Vexa database.
    """
    shown = public_name(url)
    try:
        connection = await asyncpg.connect(url, timeout=CONNECT_TIMEOUT_SECONDS, statement_cache_size=0)
    except ValueError:  # the text may quote a part of the password
        raise DatabaseUnavailable("The URL of Vexa's database is malformed") from None
    except (*TROUBLE, asyncpg.PostgresError) as error:
        raise _unreadable(shown, error) from error
    try:
        yield await _begin(connection, shown)
    finally:
        # Closing ends the transaction; there is nothing to commit.
        with suppress(*TROUBLE, asyncpg.PostgresError):
            await connection.close(timeout=CONNECT_TIMEOUT_SECONDS)


async def _begin(connection: asyncpg.Connection, shown: str) -> "PgVexaSource":
    tables: dict[str, set[str]] = defaultdict(set)
    try:
        await connection.transaction(isolation="repeatable_read", readonly=True).start()
        await connection.execute(PREPARE)
        for table, column in await connection.fetch(LIST_COLUMNS):
            tables[table].add(column)
    except (*TROUBLE, asyncpg.PostgresError) as error:
        raise _unreadable(shown, error) from error
    if lacking := [name for name in _NEEDED if name not in tables]:
        raise DatabaseUnavailable(f"{shown} is not a Vexa database: it has no table {' and no table '.join(lacking)}")
    return PgVexaSource(connection, shown, {name: frozenset(columns) for name, columns in tables.items()})


class PgVexaSource(VexaSource):
    """One snapshot. Every method raises DatabaseUnavailable."""

    def __init__(self, connection: asyncpg.Connection, shown: str, tables: Mapping[str, frozenset[str]]) -> None:
        self._connection = connection
        self._shown = shown
        self._tables = tables

    @property
    def tables(self) -> Mapping[str, frozenset[str]]:
        return self._tables

    async def users(self) -> Sequence[Row]:
        return await self._rows(LIST_USERS)

    async def tokens(self, user_id: int) -> Sequence[Row]:
        return await self._rows(LIST_TOKENS, user_id)

    async def count_meetings(self) -> int:
        return await self._count(COUNT_MEETINGS)

    async def meetings(self, user_id: int | None = None) -> AsyncGenerator[Sequence[Row], None]:
        statement, only = (LIST_MEETINGS, ()) if user_id is None else (LIST_MEETINGS_OF_USER, (user_id,))
        last = -(2**31)
        while rows := await self._fetch(statement, last, _BATCH, *only):
            batch = [_meeting(row, data) for row, data in rows]
            yield batch
            last = batch[-1]["id"]

    async def sessions(self, meeting_id: int) -> Sequence[Row]:
        return await self._rows(LIST_SESSIONS, meeting_id) if "meeting_sessions" in self._tables else ()

    async def segments(self, meeting_id: int) -> Sequence[Row]:
        return await self._rows(LIST_SPOKEN, meeting_id) if "transcriptions" in self._tables else ()

    async def count_segments(self, meeting_id: int) -> int:
        return await self._count(COUNT_SPOKEN, meeting_id) if "transcriptions" in self._tables else 0

    async def table_recordings(self) -> Sequence[Row]:
        if not {"recordings", "media_files"} <= self._tables.keys():
            return ()
        media: dict[int, list[Row]] = defaultdict(list)
        for row in await self._rows(LIST_MEDIA_ROWS):
            media[row["recording_id"]].append(row)
        return [{**row, "media_files": media[row["id"]]} for row in await self._rows(LIST_RECORDING_ROWS)]

    async def _rows(self, statement: str, *arguments: object) -> list[Row]:
        return [_decoded(text) for (text,) in await self._fetch(statement, *arguments)]

    async def _count(self, statement: str, *arguments: object) -> int:
        ((count,),) = await self._fetch(statement, *arguments)
        return int(count)

    async def _fetch(self, statement: str, *arguments: object) -> Sequence[asyncpg.Record]:
        try:
            return await self._connection.fetch(statement, *arguments)
        except (*TROUBLE, asyncpg.PostgresError) as error:
            raise _unreadable(self._shown, error) from error


def _unreadable(shown: str, error: Exception) -> DatabaseUnavailable:
    return DatabaseUnavailable(f"Vexa's database {shown} cannot be read: {str(error) or type(error).__name__}")


def _meeting(row: str, data: str | None) -> Row:
    """The row with its `data`, if that is a JSON object which Python can hold."""
    meeting = _decoded(row)
    with suppress(ValueError, RecursionError):
        decoded = json.loads(data or "null", parse_int=_integer)
        if isinstance(decoded, dict):
            meeting["data"] = decoded
    return meeting


def _decoded(text: str) -> Row:
    row: Row = json.loads(text, parse_int=_integer)
    return row


def _integer(digits: str) -> int | None:
    # Python refuses to read integers of thousands of digits; no id and no size is that long.
    return int(digits) if len(digits) <= _DIGITS_READ else None
