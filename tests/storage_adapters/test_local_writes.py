"""Files appear by one rename, leave nothing behind, and are removed with the directories they leave empty."""

import asyncio
import os
import resource
import signal
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from storage_adapters.base import InvalidKey, StorageUnavailable
from storage_adapters.local import LocalStorage, connect
from tests.contracts.storage_words import Put, read_whole
from tests.storage_adapters.local_storage import LocalFixtures, count_open, settle

pytestmark = pytest.mark.usefixtures("one_thread")

SIZE = 1_000_000

WATCHER = f"""
import os, select, sys
seen = torn = 0
print("watching", flush=True)
while not select.select([sys.stdin], [], [], 0)[0]:
    with open(sys.argv[1], "rb") as file:
        content = file.read()
    seen += 1
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


async def write(storage: LocalStorage, key: str, content: bytes) -> None:
    async with storage.create(key) as writer:
        await writer.write(content)


def drafts(root: Path) -> list[Path]:
    return sorted((root / ".seekgate-tmp").iterdir())


@contextmanager
def running(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Python with these arguments, its first line awaited; killed at the end if it still runs."""
    with subprocess.Popen(
        [sys.executable, "-c", *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
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
            for number in range(50):
                await write(adapter, "watched", bytes([number]) * SIZE)
            seen, torn = watcher.communicate("stop", timeout=30)[0].split()
        assert int(seen) > 1
        assert int(torn) == 0

    async def test_a_killed_writer_leaves_a_draft_and_no_object(self, adapter: LocalStorage, root: Path) -> None:
        with running(WRITER, str(root)) as writer:
            assert len(drafts(root)) == 1
            os.kill(writer.pid, signal.SIGKILL)
            writer.wait(timeout=30)
        assert len(drafts(root)) == 1
        assert [listed.key async for listed in adapter.list("")] == []

    async def test_connecting_sweeps_drafts_of_more_than_a_day(self, root: Path) -> None:
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

    async def test_a_writer_whose_disk_is_full_is_told_and_leaves_nothing(
        self, adapter: LocalStorage, root: Path
    ) -> None:
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


class TestRemoving(LocalFixtures):
    async def test_empty_directories_go_with_their_last_file(self, adapter: LocalStorage, root: Path, put: Put) -> None:
        await put("a/b/c/file", b"content")
        await put("a/kept", b"content")
        await adapter.delete("a/b/c/file")
        assert tree(root) == {".seekgate-tmp", "a", "a/kept"}
        await adapter.delete("a/kept")
        assert tree(root) == {".seekgate-tmp"}

    async def test_an_absent_file_takes_no_directory_with_it(self, adapter: LocalStorage, root: Path) -> None:
        (root / "a" / "empty").mkdir(parents=True)
        await adapter.delete("a/empty/absent")
        await adapter.delete("a/file/absent")
        assert tree(root) == {".seekgate-tmp", "a", "a/empty"}

    async def test_writing_and_deleting_side_by_side_lose_nothing(self, root: Path) -> None:
        """The directory that a deletion prunes is the one that a writer is about to publish into."""
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(max_workers=4))
        storage = await connect(root=root)
        for number in range(100):
            await write(storage, "a/b/old", b"old")
            await asyncio.gather(storage.delete("a/b/old"), write(storage, "a/b/new", bytes([number])))
            assert await read_whole(storage, "a/b/new") == bytes([number])
            await storage.delete("a/b/new")
        await storage.close()


class TestListing(LocalFixtures):
    async def test_only_files_that_are_objects_are_listed(
        self, adapter: LocalStorage, root: Path, put: Put, tmp_path: Path
    ) -> None:
        await put("a/file", b"content")
        (tmp_path / "outside").mkdir()
        (tmp_path / "outside" / "secret").write_bytes(b"secret")
        (root / "outside").symlink_to(tmp_path / "outside")
        (root / "file").symlink_to("a/file")
        (root / "loop").symlink_to(".")
        (root / "empty").mkdir()
        (root / ".seekgate-tmp" / "draft").write_bytes(b"half")
        (root / os.fsdecode(b"not utf-8 \xff")).write_bytes(b"content")
        os.mkfifo(root / "fifo")
        assert [listed.key async for listed in adapter.list("")] == ["a/file"]
        assert [listed.key async for listed in adapter.list("outside/")] == []
        assert [listed.key async for listed in adapter.list(".seekgate-tmp/")] == []

    async def test_a_deep_tree_is_listed(self, adapter: LocalStorage, put: Put) -> None:
        key = "d/" * 300 + "file"
        await put(key, b"content")
        assert [listed.key async for listed in adapter.list("d/")] == [key]

    async def test_a_tree_that_changes_meanwhile_is_listed_as_far_as_it_is_there(
        self, adapter: LocalStorage, root: Path, put: Put
    ) -> None:
        for number in range(300):
            await put(f"a/{number:03}", b"")
        await put("b/file", b"")
        keys = []
        async for listed in adapter.list(""):
            keys.append(listed.key)
            if len(keys) == 1:
                await adapter.delete("b/file")
        assert keys == [f"a/{number:03}" for number in range(300)]
        assert count_open(root) == 0


def tree(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*")}


def size(path: Path) -> int:
    return path.stat().st_size
