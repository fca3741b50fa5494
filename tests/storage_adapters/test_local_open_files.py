"""Which descriptors stay open, and when the others are closed."""

import asyncio
import os
import random
import time
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import pytest

from storage_adapters.base import ObjectNotFound, StorageError
from storage_adapters.local import LocalStorage, connect
from tests.contracts.storage_helpers import LARGE, Put, exists, read_span, read_whole
from tests.storage_adapters.local_storage import KEPT_OPEN, LocalFixtures, count_open, settle


async def find_fd(storage: LocalStorage, key: str) -> int:
    async with storage.open(key) as stored:
        piece = stored.file_piece(0, 1)
        assert piece is not None
        return piece.fd


class TestDescriptors(LocalFixtures):
    async def test_a_file_stays_open_for_the_next_reader(self, adapter: LocalStorage, root: Path, put: Put) -> None:
        await put("file", b"content")
        assert await find_fd(adapter, "file") == await find_fd(adapter, "file")
        assert count_open(root) == 1

    async def test_idle_files_stay_open_up_to_the_given_number(
        self, adapter: LocalStorage, root: Path, put: Put
    ) -> None:
        for number in range(KEPT_OPEN * 3):
            await put(f"file{number}", b"content")
            await find_fd(adapter, f"file{number}")
        await settle()
        assert count_open(root) == KEPT_OPEN

    async def test_the_least_recently_used_file_goes_first(self, adapter: LocalStorage, root: Path, put: Put) -> None:
        for key in "abcd":
            await put(key, b"content")
        for key in "abca":
            await find_fd(adapter, key)
        await find_fd(adapter, "d")
        await settle()
        assert open_names(root) == {"a", "c", "d"}

    async def test_an_open_file_in_use_is_never_closed(self, adapter: LocalStorage, root: Path, put: Put) -> None:
        await put("used", LARGE)
        async with adapter.open("used") as stored:
            for number in range(KEPT_OPEN * 2):
                await put(f"file{number}", b"content")
                await find_fd(adapter, f"file{number}")
            await settle()
            assert "used" in open_names(root)
            assert await read_span(stored, 0, len(LARGE)) == LARGE
        await settle()
        assert "used" not in open_names(root)

    async def test_any_number_of_files_can_be_in_use(self, adapter: LocalStorage, root: Path, put: Put) -> None:
        async with AsyncExitStack() as stack:
            for number in range(20):
                await put(f"file{number}", bytes([number]))
                stored = await stack.enter_async_context(adapter.open(f"file{number}"))
                assert await read_span(stored, 0, 1) == bytes([number])
            assert count_open(root) == 20
        await settle()
        assert count_open(root) == KEPT_OPEN

    async def test_two_that_miss_at_the_same_time_leave_one_descriptor(
        self, adapter: LocalStorage, root: Path, put: Put
    ) -> None:
        await put("file", b"content")
        found = await asyncio.gather(*(read_whole(adapter, "file") for _ in range(20)))
        assert set(found) == {b"content"}
        await settle()
        assert count_open(root) == 1

    async def test_none_are_kept_if_none_may_be(self, root: Path, put: Put) -> None:
        storage = await connect(root=root, open_files=0)
        await put("file", b"content")
        assert await read_whole(storage, "file") == b"content"
        await settle()
        assert count_open(root) == 0

    async def test_closing_closes_the_idle_now_and_the_used_later(
        self, adapter: LocalStorage, root: Path, put: Put
    ) -> None:
        for key in ("idle", "used"):
            await put(key, b"content")
            await find_fd(adapter, key)
        async with adapter.open("used") as stored:
            await adapter.close()
            assert open_names(root) == {"used"}
            assert await read_span(stored, 0, 7) == b"content"
        await settle()
        assert count_open(root) == 0

    async def test_a_closed_object_reads_no_other_files_bytes(self, root: Path, put: Put) -> None:
        storage = await connect(root=root, open_files=0)
        await put("file", b"content")
        async with storage.open("file") as stored:
            pass
        with pytest.raises(StorageError):
            await read_span(stored, 0, 7)

    async def test_deleting_frees_the_descriptor(self, adapter: LocalStorage, root: Path, put: Put) -> None:
        await put("file", b"content")
        await find_fd(adapter, "file")
        await adapter.delete("file")
        await settle()
        assert count_open(root) == 0

    async def test_replacing_frees_the_old_descriptor(self, adapter: LocalStorage, root: Path, put: Put) -> None:
        await put("file", b"old")
        await find_fd(adapter, "file")
        async with adapter.create("file") as writer:
            await writer.write(b"new")
        await settle()
        assert count_open(root) == 0

    async def test_an_open_file_stays_open_until_something_is_awaited(
        self, adapter: LocalStorage, root: Path, put: Put
    ) -> None:
        await put("file", b"old")
        await find_fd(adapter, "file")
        stored = adapter.find_open("file")
        assert stored is not None
        fd, offset, length = stored.find_piece(0, 3)
        (root / "file").unlink()
        assert adapter.find_open("file") is None
        time.sleep(0.05)  # noqa: ASYNC251 - a thread would have closed it by now
        assert os.pread(fd, length, offset) == b"old"
        await settle()
        assert count_open(root) == 0

    async def test_a_file_deleted_by_others_is_not_found_any_more(
        self, adapter: LocalStorage, root: Path, put: Put
    ) -> None:
        await put("file", b"content")
        await find_fd(adapter, "file")
        (root / "file").unlink()
        with pytest.raises(ObjectNotFound):
            await find_fd(adapter, "file")
        await settle()
        assert count_open(root) == 0

    async def test_no_failed_opening_leaks(self, adapter: LocalStorage, root: Path) -> None:
        (root / "directory").mkdir()
        os.mkfifo(root / "fifo")
        for key in ("directory", "fifo", "nothing", "nothing/at/all", "directory/.."):
            assert not await exists(adapter, key)
        assert count_open(root) == 0

    async def test_no_cancelled_opening_leaks(self, root: Path, put: Put) -> None:
        """Opens are cancelled before, in and after their thread; with nothing kept, nothing may stay open."""
        storage = await connect(root=root, open_files=0)
        await put("file", b"content")
        for passes in range(200):
            reading = asyncio.create_task(read_whole(storage, "file"))
            for _ in range(passes % 10):
                await asyncio.sleep(0)
            reading.cancel()
            with suppress(asyncio.CancelledError):
                await reading
        await settle()
        await settle()
        assert count_open(root) == 0

    async def test_random_work_leaks_nothing(self, adapter: LocalStorage, root: Path, put: Put) -> None:
        chance = random.Random(7)
        for number in range(10):
            await put(f"file{number}", bytes([number]) * 1000)
        async with asyncio.TaskGroup() as group:
            for _ in range(300):
                group.create_task(read_whole(adapter, f"file{chance.randrange(10)}"))
        await settle()
        assert count_open(root) == KEPT_OPEN
        await adapter.close()
        assert count_open(root) == 0


def open_names(root: Path) -> set[str]:
    """The names of the files beneath the root that are open now."""
    names = set()
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):
            names.add(entry.readlink())
    return {path.name for path in names if path.is_relative_to(root)}
