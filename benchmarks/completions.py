"""python -m benchmarks.completions: what each index of the recordings list costs when recordings are completed.

Every round adds recordings with a pending media file and completes them as `upload-complete` does, one transaction each,
first with all indexes, then without those of the orders by type and duration, and then also without those that serve a
status or a pair of filters.
"""

import asyncio
import os
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import asyncpg
import click

from gateway.catalog import NewMedia, Owner, UploadLimits, VerifiedUpload
from gateway.db.embedded.shared_server import embedded_postgres
from gateway.db.migrations import migrate
from gateway.db.pool import open_pool
from gateway.db.uploads import PgUploads

ORDERS: Final = ("recordings_by_type", "recordings_longest", "recordings_shortest")
FILTERS: Final = (
    "recordings_by_status",
    "recordings_of_device_and_end_user",
    "recordings_of_device_by_status",
    "recordings_of_end_user_by_status",
    "recordings_of_device_and_end_user_by_status",
)
CONNECTIONS: Final = 8
_BASE: Final = 100_000_000_000
_LIMITS: Final = UploadLimits(max_media_per_recording=20, max_total_bytes_per_account=None)
_ADD: Final = f"""
    INSERT INTO recordings (id, user_id, live, source, status, created_at, device_id, end_user_id)
    SELECT {_BASE} + n, $1, true, 'upload', 'pending', now() - n * interval '1 second', 'device ' || n % 50, 'user ' || n % 70
    FROM generate_series(1, $2::bigint) n
"""  # noqa: S608 - numbers of our own
_ADD_MEDIA: Final = """
    INSERT INTO media_files (id, recording_id, type, format, content_type, storage, object_key, status, size)
    SELECT id, id, 'audio', 'bin', 'audio/mpeg', 'local', id || '.mp3', 'pending', 1000 FROM recordings
"""


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--rows", default=100_000, show_default=True, help="Recordings that are completed each time.")
@click.option("--rounds", default=2, show_default=True)
def main(rows: int, rounds: int) -> None:
    """Complete many recordings, with and without the indexes in question."""
    with TemporaryDirectory(prefix="seekgate-completions-") as folder:
        asyncio.run(_measure(Path(folder), rows, rounds))


async def _measure(folder: Path, rows: int, rounds: int) -> None:
    async with (
        embedded_postgres(folder / "postgres") as url,
        open_pool(url, min_size=CONNECTIONS, max_size=CONNECTIONS, command_timeout_seconds=600) as pool,
    ):
        await migrate(pool)
        server = await pool.fetchval("SHOW server_version")
        print(f"PostgreSQL {server}, {rows} recordings, {CONNECTIONS} connections, load {os.getloadavg()[0]:.1f}")
        for _ in range(rounds):
            await _round(pool, rows, "all indexes")
            definitions = await _definitions(pool)
            await _drop(pool, ORDERS)
            await _round(pool, rows, "without orders")
            await _drop(pool, FILTERS)
            await _round(pool, rows, "nor filters")
            await pool.execute("; ".join(definitions))


async def _definitions(pool: asyncpg.Pool) -> Sequence[str]:
    rows = await pool.fetch("SELECT indexdef FROM pg_indexes WHERE indexname = ANY ($1)", [*ORDERS, *FILTERS])
    return [row["indexdef"] for row in rows]


async def _drop(pool: asyncpg.Pool, indexes: Sequence[str]) -> None:
    await pool.execute("; ".join(f"DROP INDEX {name}" for name in indexes))


async def _round(pool: asyncpg.Pool, rows: int, name: str) -> None:
    owner = await _fill(pool, rows)
    uploads, ids = PgUploads(pool), iter(range(_BASE + 1, _BASE + rows + 1))
    wal = await pool.fetchval("SELECT pg_current_wal_lsn()")
    started = time.perf_counter()

    async def complete_some() -> None:
        for each in ids:
            place = ("local", f"{each}.mp3")
            new = NewMedia("audio", "mp3", "audio/mpeg", *place, 1000, "e", datetime.now(UTC), 1.0)
            found = VerifiedUpload(each, None, new)
            await uploads.complete_uploads(owner, each, [found], _LIMITS)

    await asyncio.gather(*(complete_some() for _ in range(CONNECTIONS)))
    seconds = time.perf_counter() - started
    written = await pool.fetchval("SELECT pg_current_wal_lsn() - $1::pg_lsn", wal)
    size = await pool.fetchval("SELECT pg_indexes_size('recordings')")
    print(
        f"{name:<18} {rows / seconds:7.0f} completions/s  {seconds / rows * 1e6:6.0f} µs each"
        f"  {written / rows:6.0f} bytes of WAL each  {size / 2**20:6.1f} MiB of indexes",
        flush=True,
    )


async def _fill(pool: asyncpg.Pool, rows: int) -> Owner:
    await pool.execute("TRUNCATE users CASCADE")
    user_id = await pool.fetchval("INSERT INTO users (email) VALUES ('a@example.org') RETURNING id")
    await pool.execute(_ADD, user_id, rows)
    await pool.execute(_ADD_MEDIA)
    await pool.execute("VACUUM ANALYZE")
    await pool.execute("CHECKPOINT")
    return Owner(user_id)


if __name__ == "__main__":
    main()
