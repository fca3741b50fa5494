"""Uploads as they show in the catalogue: media files of other recordings change at a fixed rate."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Final

import asyncpg

from benchmarks.processes import NotStarted

ROWS_PER_SECOND: Final = 50

_OTHERS: Final = "SELECT id FROM media_files WHERE id <> $1 ORDER BY id LIMIT 500"
# What an upload that is completed changes, all of it visible to readers.
_COMPLETE: Final = "UPDATE media_files SET etag = $2, object_modified_at = now(), status = 'uploaded' WHERE id = $1"


@contextmanager
def uploads(database_url: str, media_file_id: int) -> Iterator[None]:
    """Change rows of media files other than this one until the block ends. Raises NotStarted if that fails."""
    stop, failures = threading.Event(), list[BaseException]()

    def run() -> None:
        try:
            asyncio.run(_change(database_url, media_file_id, stop))
        except Exception as error:  # noqa: BLE001 - it is raised again in the thread that measures
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
    if failures:
        raise NotStarted(f"the uploads beside the measurement failed: {failures[0]!r}")


async def _change(database_url: str, media_file_id: int, stop: threading.Event) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        others = [row["id"] for row in await connection.fetch(_OTHERS, media_file_id)]
        start = asyncio.get_running_loop().time()
        for number in count():
            if stop.is_set():
                return
            await connection.execute(_COMPLETE, others[number % len(others)], f'"upload-{number}"')
            due = start + (number + 1) / ROWS_PER_SECOND
            await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))
    finally:
        await connection.close()
