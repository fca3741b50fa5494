"""Fills a catalogue with any number of recordings, each with one media file."""

import asyncio
from collections.abc import Iterator
from typing import Final

import asyncpg

from gateway.protocol.cursor import encode_cursor

DEVICES: Final = 50
USERS: Final = 70
STATUSES: Final = ("completed", "failed", "pending")
_BASE: Final = 100_000_000_000
_BATCH: Final = 50_000
# One recording for each second, the first is the newest. Foreign keys are valid by construction; checking them would take
# most of the time.
_FILL: Final = f"""
    SET session_replication_role = replica;
    WITH owner AS (SELECT id FROM users WHERE email = 'benchmark@localhost'),
    added AS (
        INSERT INTO recordings (id, user_id, live, source, status, created_at, device_id, end_user_id, main_type, duration_seconds)
        SELECT {_BASE} + n, owner.id, true, 'upload', (ARRAY['completed', 'failed', 'pending'])[1 + n % 3],
               now() - n * interval '1 second', 'device ' || n % {DEVICES}, 'user ' || (n / 3) % {USERS},
               (ARRAY['audio', 'video', 'image'])[1 + n % 3], n % 7200
        FROM owner, generate_series({{first}}, {{last}}) n
        RETURNING id, created_at, main_type, duration_seconds
    )
    INSERT INTO media_files (id, recording_id, type, format, content_type, storage, object_key, status, size, etag, object_modified_at,
                             created_at, duration_seconds)
    SELECT id, id, main_type, 'mp3', 'audio/mpeg', 'local', id || '.mp3', 'uploaded', 1000000, 'e', now(), created_at, duration_seconds
    FROM added;
"""  # noqa: S608 - numbers of our own
_PLACE: Final = "SELECT created_at, id FROM recordings ORDER BY created_at DESC, id DESC OFFSET $1 LIMIT 1"


def fill(database_url: str, rows: int) -> Iterator[int]:
    """Add this many recordings in batches; yields once for each recording."""
    for first in range(1, rows + 1, _BATCH):
        last = min(first + _BATCH - 1, rows)
        asyncio.run(_execute(database_url, _FILL.format(first=first, last=last)))
        yield from range(first, last + 1)
    asyncio.run(_execute(database_url, "VACUUM ANALYZE"))


async def _execute(database_url: str, statement: str) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


def cursor_after(database_url: str, count: int) -> str:
    """The cursor of the page after this many recordings."""
    return asyncio.run(_cursor_after(database_url, count))


async def _cursor_after(database_url: str, count: int) -> str:
    connection = await asyncpg.connect(database_url)
    try:
        row = await connection.fetchrow(_PLACE, count - 1)
        if row is None:
            raise ValueError(f"the catalogue has fewer than {count} recordings")
        return encode_cursor(*row)
    finally:
        await connection.close()
