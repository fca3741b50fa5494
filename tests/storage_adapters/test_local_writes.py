"""Files appear by one rename, and leave no other file."""

import asyncio
import os
import resource
import select
import signal
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from storage_adapters.base import InvalidKey, StorageUnavailable
from storage_adapters.local import LocalStorage, connect
from tests.contracts.storage_helpers import Put, read_whole
from tests.storage_adapters.local_operations import write
from tests.storage_adapters.local_storage import LocalFixtures, count_open, settle

REPOSITORY = Path(__file__).parents[2]
SIZE = 1_000_000

WATCHER = f"""
import os, select, sys
seen = torn = 0
print("watching", flush=True)
while not select.select([sys.stdin], [], [], 0)[0]:
    with open(sys.argv[1], "rb") as file:
        content = file.read()
    seen += 1
    if seen == 20:
        print("enough", flush=True)
    torn += len(content) != {SIZE} or len(set(content)) != 1
print(seen, torn)
"""

WRITER = """
import asyncio, sys
from storage_adapters.local import connect

async def write():
    storage = await connect(root=sys.argv[1])
    async with storage.create("a/half") as writer:
        await writer.write(b"half" * 100_000)
        print("written", flush=True)
        await asyncio.Event().wait()

asyncio.run(write())
"""


def drafts(root: Path) -> list[Path]:
    return sorted((root / ".seekgate-tmp").iterdir())


@contextmanager
def running(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Python with these arguments, its first line awaited; killed at the end if it still runs."""
    with subprocess.Popen(
        [sys.executable, "-c", *arguments], cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline()
            yield process
        finally:
            process.kill()


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """No file of this process may grow beyond this many bytes: the nearest thing to a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


class TestWriting(LocalFixtures):
    async def test_another_process_never_sees_half_an_object(self, adapter: LocalStorage, root: Path) -> None:
        await write(adapter, "watched", b"0" * SIZE)
        with running(WATCHER, str(root / "watched")) as watcher:
            assert watcher.stdout is not None
            # On a busy machine the watcher may not run for long: on until it has seen enough.
            for number in range(20_000):
                await write(adapter, "watched", bytes([number % 256]) * SIZE)
                if number >= 50 and select.select([watcher.stdout], [], [], 0)[0]:
                    break
            enough, seen, torn = watcher.communicate("stop", timeout=60)[0].split()
        assert (enough, int(seen) >= 20) == ("enough", True)
        assert int(torn) == 0

    async def test_a_killed_writer_leaves_a_draft_and_no_object(self, adapter: LocalStorage, root: Path) -> None:
        with running(WRITER, str(root)) as writer:
            assert len(drafts(root)) == 1
            os.kill(writer.pid, signal.SIGKILL)
            writer.wait(timeout=60)
        assert len(drafts(root)) == 1
        assert [listed.key async for listed in adapter.list("")] == []

    async def test_connecting_removes_drafts_that_are_older_than_a_day(self, root: Path) -> None:
        (root / ".seekgate-tmp").mkdir(parents=True)
        for name, hours in (("abandoned", 24.1), ("recent", 23.9)):
            (root / ".seekgate-tmp" / name).write_bytes(b"half")
            os.utime(root / ".seekgate-tmp" / name, (0, time.time() - hours * 3600))
        await connect(root=root)
        assert [draft.name for draft in drafts(root)] == ["recent"]

    @pytest.mark.parametrize("passes", range(30))
    async def test_a_cancelled_writer_leaves_no_draft_and_no_descriptor(
        self, adapter: LocalStorage, root: Path, passes: int
    ) -> None:
        writing = asyncio.create_task(write(adapter, "cancelled", b"content" * 100_000))
        for _ in range(passes):
            await asyncio.sleep(0)
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)
        await settle()
        await settle()
        assert drafts(root) == []
        assert count_open(root) == 0

    async def test_a_full_disk_is_an_error_and_leaves_nothing(self, adapter: LocalStorage, root: Path) -> None:
        with file_size_limit(100_000), pytest.raises(StorageUnavailable):
            await write(adapter, "large", bytes(SIZE))
        assert drafts(root) == []
        assert not (root / "large").exists()
        assert count_open(root) == 0

    async def test_a_bad_key_is_refused_before_a_byte_is_asked_for(self, adapter: LocalStorage) -> None:
        with pytest.raises(InvalidKey):
            async with adapter.create("../outside"):
                pytest.fail("the block was entered")

    async def test_a_directory_is_not_written_over(self, adapter: LocalStorage, root: Path, put: Put) -> None:
        await put("directory/file", b"content")
        with pytest.raises(InvalidKey):
            await write(adapter, "directory", b"new")
        assert drafts(root) == []
        assert await read_whole(adapter, "directory/file") == b"content"

    async def test_writing_makes_the_drafts_directory_again(self, adapter: LocalStorage, root: Path) -> None:
        (root / ".seekgate-tmp").rmdir()
        await write(adapter, "file", b"content")
        assert await read_whole(adapter, "file") == b"content"

    async def test_memory_stays_bounded(self, adapter: LocalStorage, root: Path) -> None:
        chunk = bytes(256 * 1024)
        tracemalloc.start()
        try:
            async with adapter.create("large") as writer:
                for _ in range(128):
                    await writer.write(chunk)
            assert tracemalloc.get_traced_memory()[1] < 2 * 1024 * 1024
        finally:
            tracemalloc.stop()
        assert size(root / "large") == 32 * 1024 * 1024


def size(path: Path) -> int:
    return path.stat().st_size
