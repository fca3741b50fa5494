"""What every adapter that is Resumable must do: pieces are kept, and are an object only when they are published."""

import asyncio
import time
from contextlib import aclosing
from random import Random

import pytest

from storage_adapters.base import InvalidKey, ObjectNotFound, StorageAdapter, StorageUnavailable, Writable
from storage_adapters.resumable import Resumable
from tests.contracts.storage_helpers import LARGE, UNUSUAL_KEYS, Put, exists, read_whole


class ResumableStorage(StorageAdapter, Writable, Resumable):
    """What these tests need of an adapter."""


class CutError(Exception):
    """A connection that ends in the middle."""


async def append(adapter: ResumableStorage, key: str, *chunks: bytes) -> int:
    async with adapter.append(key) as writer:
        for chunk in chunks:
            await writer.write(chunk)
        return writer.size


class ResumableContract:
    """Pieces; for adapters that claim Resumable."""

    async def test_pieces_become_the_object_in_order(self, adapter: ResumableStorage) -> None:
        for start in range(0, len(LARGE), 500_000):
            await append(adapter, "pieces", LARGE[start : start + 500_000])
        await adapter.publish("pieces")
        assert await read_whole(adapter, "pieces") == LARGE

    async def test_pieces_are_not_an_object_until_they_are_published(self, adapter: ResumableStorage) -> None:
        await append(adapter, "hidden", LARGE)
        assert not await exists(adapter, "hidden")
        await adapter.publish("hidden")
        assert await exists(adapter, "hidden")

    async def test_the_size_is_that_of_the_bytes_kept_so_far(self, adapter: ResumableStorage) -> None:
        assert await adapter.partial_size("sized") == 0
        assert await append(adapter, "sized", b"one", b"", b"two") == 6
        assert await adapter.partial_size("sized") == 6
        async with adapter.append("sized") as writer:
            assert writer.size == 6

    async def test_publishing_leaves_no_partial_upload(self, adapter: ResumableStorage) -> None:
        await append(adapter, "published", b"first")
        await adapter.publish("published")
        assert await adapter.partial_size("published") == 0
        with pytest.raises(ObjectNotFound):
            await adapter.publish("published")
        assert await read_whole(adapter, "published") == b"first"

    async def test_an_empty_draft_cannot_be_published(self, adapter: ResumableStorage) -> None:
        with pytest.raises(ObjectNotFound):
            await adapter.publish("never/written")
        assert not await exists(adapter, "never/written")

    async def test_an_empty_piece_is_an_empty_object(self, adapter: ResumableStorage) -> None:
        await append(adapter, "empty")
        await adapter.publish("empty")
        assert await read_whole(adapter, "empty") == b""

    async def test_what_was_written_before_an_exception_is_kept(self, adapter: ResumableStorage) -> None:
        with pytest.raises(CutError):
            await self._cut(adapter, "cut", LARGE[:1_000_000])
        assert await adapter.partial_size("cut") == 1_000_000
        await append(adapter, "cut", LARGE[1_000_000:])
        await adapter.publish("cut")
        assert await read_whole(adapter, "cut") == LARGE

    async def test_what_was_written_before_a_cancellation_is_kept(self, adapter: ResumableStorage) -> None:
        started = asyncio.Event()
        writing = asyncio.create_task(self._append_and_wait(adapter, "cancelled", started))
        await started.wait()
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing
        assert await adapter.partial_size("cancelled") == len(LARGE)

    async def test_a_cancellation_at_any_await_keeps_a_beginning(self, adapter: ResumableStorage) -> None:
        for passes in range(30):
            key = f"cancelled/{passes}"
            writing = asyncio.create_task(append(adapter, key, LARGE[:100_000], LARGE[100_000:200_000]))
            for _ in range(passes):
                await asyncio.sleep(0)
            writing.cancel()
            await asyncio.wait([writing])
            while not await self._resume(adapter, key):
                await asyncio.to_thread(time.sleep, 0.01)  # the thread that was cancelled while it took the lock
            assert await read_whole(adapter, key) == LARGE[:200_000]

    async def test_the_last_bytes_written_can_be_dropped(self, adapter: ResumableStorage) -> None:
        await append(adapter, "shortened", b"keep this", b" and drop that")
        async with adapter.append("shortened") as writer:
            await writer.truncate(9)
            assert writer.size == 9
            await writer.write(b"!")
        await adapter.publish("shortened")
        assert await read_whole(adapter, "shortened") == b"keep this!"

    async def test_one_at_a_time_writes_to_a_key(self, adapter: ResumableStorage) -> None:
        async with adapter.append("locked") as writer:
            await writer.write(b"mine")
            with pytest.raises(StorageUnavailable):
                await append(adapter, "locked", b"another's")
            with pytest.raises(StorageUnavailable):
                await adapter.publish("locked")
            await append(adapter, "elsewhere", b"not in the way")
        assert await append(adapter, "locked", b" again") == 10

    async def test_a_deletion_drops_the_cached_slices(self, adapter: ResumableStorage, put: Put) -> None:
        await put("dropped", b"object")
        await append(adapter, "dropped", b"piece")
        await adapter.delete("dropped")
        assert await adapter.partial_size("dropped") == 0
        assert not await exists(adapter, "dropped")

    async def test_a_deletion_during_a_write_leaves_nothing(self, adapter: ResumableStorage) -> None:
        async with adapter.append("pulled") as writer:
            await writer.write(b"piece")
            await adapter.delete("pulled")
            await writer.write(b"piece")
        assert await adapter.partial_size("pulled") == 0
        with pytest.raises(ObjectNotFound):
            await adapter.publish("pulled")

    async def test_publishing_replaces_the_object_for_new_readers_only(
        self, adapter: ResumableStorage, put: Put
    ) -> None:
        await put("replaced", LARGE)
        await append(adapter, "replaced", b"new")
        async with adapter.open("replaced") as stored, aclosing(stored.read(0, len(LARGE))) as chunks:
            first = await anext(chunks)
            await adapter.publish("replaced")
            assert first + b"".join([chunk async for chunk in chunks]) == LARGE
        assert await read_whole(adapter, "replaced") == b"new"

    @pytest.mark.parametrize("key", UNUSUAL_KEYS.values(), ids=UNUSUAL_KEYS.keys())
    async def test_pieces_have_any_key_that_objects_have(self, adapter: ResumableStorage, key: str) -> None:
        await append(adapter, key, key.encode())
        await adapter.publish(key)
        assert await read_whole(adapter, key) == key.encode()

    @pytest.mark.parametrize("key", ["", "\0", "a\0b"])
    async def test_a_key_that_no_object_has_is_refused(self, adapter: ResumableStorage, key: str) -> None:
        with pytest.raises(InvalidKey):
            await append(adapter, key, b"x")
        with pytest.raises(InvalidKey):
            await adapter.partial_size(key)

    async def test_any_sequence_of_cuts_gives_the_object(self, adapter: ResumableStorage) -> None:
        chance = Random(4)
        for number in range(20):
            key = f"chance/{number}"
            while (kept := await adapter.partial_size(key)) < len(LARGE):
                with pytest.raises(CutError):
                    await self._cut(adapter, key, LARGE[kept : kept + chance.randrange(2_000_000)])
            await adapter.publish(key)
            assert await read_whole(adapter, key) == LARGE

    @staticmethod
    async def _resume(adapter: ResumableStorage, key: str) -> bool:
        """Write the rest and publish; False while another still writes."""
        try:
            async with adapter.append(key) as writer:
                await writer.write(LARGE[writer.size : 200_000])
        except StorageUnavailable:
            return False
        await adapter.publish(key)
        return True

    @staticmethod
    async def _cut(adapter: ResumableStorage, key: str, piece: bytes) -> None:
        async with adapter.append(key) as writer:
            await writer.write(piece)
            raise CutError

    @staticmethod
    async def _append_and_wait(adapter: ResumableStorage, key: str, started: asyncio.Event) -> None:
        async with adapter.append(key) as writer:
            await writer.write(LARGE)
            started.set()
            await asyncio.Event().wait()
