"""What every adapter that is Writable must do: an object appears whole, or not at all."""

import asyncio
from contextlib import suppress

import pytest

from storage_adapters.base import ObjectWriter, StorageAdapter, Writable
from tests.contracts.storage_helpers import LARGE, UNUSUAL_KEYS, Put, exists, read_whole


class WritableStorage(StorageAdapter, Writable):
    """What these tests need of an adapter."""


class BrokenError(Exception):
    """An error of the caller in the middle of a write."""


async def write(adapter: WritableStorage, key: str, *chunks: bytes) -> None:
    async with adapter.create(key) as writer:
        for chunk in chunks:
            await writer.write(chunk)


class WritableContract:
    """Writing; for adapters that claim Writable."""

    @pytest.mark.parametrize(
        "chunks",
        [
            pytest.param((), id="nothing_written"),
            pytest.param((b"",), id="an_empty_chunk"),
            pytest.param((b"content",), id="one_chunk"),
            pytest.param((b"a", b"", b"bc"), id="an_empty_chunk_between"),
            pytest.param((LARGE,), id="one_large_chunk"),
            pytest.param((LARGE[:500_000],) * 25, id="many_large_chunks"),
            pytest.param(tuple(LARGE[index : index + 1] for index in range(200)), id="single_bytes"),
        ],
    )
    async def test_what_is_written_is_read(self, adapter: WritableStorage, chunks: tuple[bytes, ...]) -> None:
        await write(adapter, "new/object", *chunks)
        assert await read_whole(adapter, "new/object") == b"".join(chunks)

    @pytest.mark.parametrize("key", UNUSUAL_KEYS.values(), ids=UNUSUAL_KEYS.keys())
    async def test_it_is_written_under_unusual_keys(self, adapter: WritableStorage, key: str) -> None:
        await write(adapter, key, key.encode())
        assert await read_whole(adapter, key) == key.encode()

    async def test_it_is_invisible_until_it_is_whole(self, adapter: WritableStorage) -> None:
        async with adapter.create("slow") as writer:
            await writer.write(LARGE)
            assert not await exists(adapter, "slow")
        assert await read_whole(adapter, "slow") == LARGE

    async def test_the_old_version_stays_until_the_new_one_is_whole(self, adapter: WritableStorage, put: Put) -> None:
        await put("replaced", b"old")
        async with adapter.create("replaced") as writer:
            await writer.write(b"new version")
            assert await read_whole(adapter, "replaced") == b"old"
        assert await read_whole(adapter, "replaced") == b"new version"

    async def test_an_exception_leaves_nothing(self, adapter: WritableStorage) -> None:
        with pytest.raises(BrokenError):
            await self._break(adapter, "broken")
        assert not await exists(adapter, "broken")

    async def test_an_exception_leaves_the_old_version(self, adapter: WritableStorage, put: Put) -> None:
        await put("broken", b"old")
        with pytest.raises(BrokenError):
            await self._break(adapter, "broken")
        assert await read_whole(adapter, "broken") == b"old"

    async def test_a_cancellation_between_writes_leaves_nothing(self, adapter: WritableStorage) -> None:
        started = asyncio.Event()
        writing = asyncio.create_task(self._write_and_wait(adapter, "cancelled", started))
        await started.wait()
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
        assert not await exists(adapter, "cancelled")

    async def test_a_cancellation_at_any_await_leaves_the_whole_or_nothing(self, adapter: WritableStorage) -> None:
        for passes in range(40):
            key = f"cancelled/{passes}"
            writing = asyncio.create_task(write(adapter, key, LARGE[:100_000], LARGE[100_000:200_000]))
            for _ in range(passes):
                await asyncio.sleep(0)
            writing.cancel()
            with suppress(asyncio.CancelledError):
                await writing
            if await exists(adapter, key):
                assert await read_whole(adapter, key) == LARGE[:200_000]

    async def test_one_key_written_twice_at_the_same_time_is_one_of_the_two(self, adapter: WritableStorage) -> None:
        versions = (b"one" * 200_000, b"two" * 200_000)
        await asyncio.gather(*(write(adapter, "contended", content) for content in versions))
        assert await read_whole(adapter, "contended") in versions

    async def test_many_are_written_side_by_side(self, adapter: WritableStorage) -> None:
        await asyncio.gather(*(write(adapter, f"many/{number}", bytes([number]) * 9_000) for number in range(20)))
        for number in range(20):
            assert await read_whole(adapter, f"many/{number}") == bytes([number]) * 9_000

    @staticmethod
    async def _break(adapter: WritableStorage, key: str) -> None:
        async with adapter.create(key) as writer:
            await writer.write(LARGE)
            raise BrokenError

    @staticmethod
    async def _write_and_wait(adapter: WritableStorage, key: str, started: asyncio.Event) -> None:
        async with adapter.create(key) as writer:
            await _write_first(writer, started)


async def _write_first(writer: ObjectWriter, started: asyncio.Event) -> None:
    await writer.write(LARGE)
    started.set()
    await asyncio.Event().wait()
