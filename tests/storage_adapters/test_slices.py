"""The cache of slices: it passes the storage contract, asks once, keeps within its room, and never mixes versions."""

import asyncio
import logging
import os
import random
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage_adapters.base import ObjectChanged, ObjectNotFound, StorageError, StorageUnavailable, Writable, ZeroCopy
from storage_adapters.slices import open_cache
from storage_adapters.slices.cache import CONFIRMED_SECONDS, LEAST_BYTES, UNCONFIRMED_SECONDS, SliceCache
from storage_adapters.slices.reading import AHEAD, SlicedObject
from storage_adapters.slices.segments import MAX_SEGMENTS, SEGMENT_BYTES, SLICE_BYTES, Segments
from storage_adapters.slices.versions import MAX_FILLS, PAUSE_SECONDS
from tests.contracts.storage import StorageContract, one_storage_for_all_examples
from tests.contracts.storage_helpers import Put, read_span
from tests.contracts.storage_writes import WritableContract
from tests.storage_adapters.sliced_storage import Origin, SlicedStorage, small_cache

# Two segments, the second one with a slice and a bit.
SIZE = SEGMENT_BYTES + SLICE_BYTES + 4097
CONTENT = random.Random(3).randbytes(SIZE)


class TestSlicedStorage(StorageContract, WritableContract):
    capabilities = frozenset({Writable})
    object_capabilities = frozenset({ZeroCopy})

    @pytest.fixture
    async def adapter(self, tmp_path: Path) -> AsyncIterator[SlicedStorage]:
        storage = SlicedStorage(await open_cache(tmp_path / "slices", LEAST_BYTES))
        yield storage
        await storage.close()

    @pytest.fixture
    def put(self, adapter: SlicedStorage) -> Put:
        async def put(key: str, content: bytes) -> None:
            async with adapter.create(key) as writer:
                await writer.write(content)

        return put


@pytest.fixture
async def cache(tmp_path: Path) -> AsyncIterator[SliceCache]:
    opened = small_cache(tmp_path)
    yield opened
    await opened.close()


async def kept(cache: SliceCache, size: int) -> None:
    """Wait until this many bytes are cached: slices are written after their readers got them."""
    await cache.settled()
    assert cache.size == size


def sendable(sliced: SlicedObject, offset: int, length: int) -> bytes:
    """What the kernel would send of these bytes, piece by piece."""
    sent = b""
    while len(sent) < length:
        piece = sliced.file_piece(offset + len(sent), length - len(sent))
        if piece is None:
            break
        sent += os.pread(piece.fd, piece.length, piece.offset)
    return sent


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


class TestReading:
    @one_storage_for_all_examples
    @given(
        ends=st.tuples(st.integers(0, SIZE), st.integers(0, 3 * SLICE_BYTES)),
        by=st.sampled_from(["reading", "the kernel"]),
    )
    async def test_any_span_equals_slicing(self, cache: SliceCache, ends: tuple[int, int], by: str) -> None:
        start, length = ends[0], min(ends[1], SIZE - ends[0])
        with cache.open("key", Origin(CONTENT), measured=True) as sliced:
            head = sendable(sliced, start, length) if by == "the kernel" else b""
            rest = await read_span(sliced, start + len(head), length - len(head))
        assert head + rest == CONTENT[start : start + length]

    async def test_bytes_that_were_read_are_not_requested_again(self, cache: SliceCache) -> None:
        origin = Origin(CONTENT)
        with cache.open("key", origin, measured=True) as sliced:
            # More slices than may be fetched at the same time: on a slow disk the last ones would bypass the cache.
            await read_span(sliced, 0, SIZE // 2)
            await cache.settled()
            assert await read_span(sliced, 0, SIZE) == CONTENT
        await kept(cache, SIZE)
        with cache.open("key", origin, measured=False) as sliced:
            assert await read_span(sliced, 0, SIZE) == CONTENT
            assert sendable(sliced, 5, SIZE - 5) == CONTENT[5:]
        assert sorted(origin.slices_asked) == list(range(66))

    async def test_a_short_span_asks_for_its_slice_and_nothing_else(self, cache: SliceCache) -> None:
        origin = Origin(CONTENT)
        with cache.open("key", origin, measured=True) as sliced:
            await read_span(sliced, SLICE_BYTES + 100, 1000)
        await kept(cache, SLICE_BYTES)
        assert origin.asked == [(SLICE_BYTES, SLICE_BYTES)]

    async def test_a_reader_that_stops_early_costs_one_slice(self, cache: SliceCache) -> None:
        origin = Origin(CONTENT)
        with cache.open("key", origin, measured=True) as sliced:
            async with aclosing(sliced.read(0, SIZE)) as chunks:
                assert CONTENT.startswith(await anext(chunks))
        await kept(cache, SLICE_BYTES)
        assert origin.slices_asked == [0]

    async def test_a_reader_reads_ahead_by_half_of_what_it_has_read(self, cache: SliceCache) -> None:
        origin, furthest = Origin(CONTENT), list[int]()
        with cache.open("key", origin, measured=True) as sliced:
            position = 0
            async with aclosing(sliced.read(0, SIZE)) as chunks:
                async for chunk in chunks:
                    position += len(chunk)
                    taken = (position - 1) // SLICE_BYTES
                    furthest.append(max(origin.slices_asked) - taken)
                    assert furthest[-1] <= 2 + (taken + 1) // 2
        assert AHEAD // 2 <= max(furthest) <= AHEAD + 1

    async def test_a_span_outside_the_object_has_no_piece(self, cache: SliceCache) -> None:
        with cache.open("key", Origin(b"ten bytes."), measured=True) as sliced:
            for offset, length in ((-1, 1), (0, -1), (0, 11), (10, 1)):
                with pytest.raises(ValueError, match="not inside 10"):
                    sliced.file_piece(offset, length)


class TestSingleFlight:
    async def test_many_readers_of_one_slice_ask_once(self, cache: SliceCache) -> None:
        origin = Origin(CONTENT)
        origin.opened.clear()
        with cache.open("key", origin, measured=True) as sliced:
            spans = [(n * 1000, n * 1000 + 9000) for n in range(50)]
            readers = [asyncio.create_task(read_span(sliced, start, end - start)) for start, end in spans]
            await asyncio.sleep(0)
            origin.opened.set()
            assert await asyncio.gather(*readers) == [CONTENT[start:end] for start, end in spans]
        assert origin.asked == [(0, SLICE_BYTES)]

    async def test_a_reader_has_its_bytes_before_the_slice_is_whole(self, cache: SliceCache) -> None:
        origin = Origin(CONTENT)
        origin.opened.clear()
        with cache.open("key", origin, measured=True) as sliced:
            assert await read_span(sliced, 10, 100) == CONTENT[10:110]
        origin.opened.set()
        await kept(cache, SLICE_BYTES)

    async def test_the_first_caller_may_be_cancelled(self, cache: SliceCache) -> None:
        origin = Origin(CONTENT)
        origin.opened.clear()
        with cache.open("key", origin, measured=True) as sliced:
            first = asyncio.create_task(read_span(sliced, 0, SLICE_BYTES))
            await asyncio.sleep(0)
            second = asyncio.create_task(read_span(sliced, 0, SLICE_BYTES))
            await asyncio.sleep(0)
            first.cancel()
            origin.opened.set()
            assert await second == CONTENT[:SLICE_BYTES]
        assert origin.asked == [(0, SLICE_BYTES)]

    async def test_an_error_is_raised_in_all_readers_and_not_cached(self, cache: SliceCache) -> None:
        origin = Origin(CONTENT)
        origin.error = ObjectNotFound("key", "it was deleted")
        with cache.open("key", origin, measured=True) as sliced:
            readers = [asyncio.create_task(read_span(sliced, 0, SLICE_BYTES)) for _ in range(3)]
            for outcome in await asyncio.gather(*readers, return_exceptions=True):
                assert isinstance(outcome, ObjectNotFound)
            origin.error = None
            assert await read_span(sliced, 0, SLICE_BYTES) == CONTENT[:SLICE_BYTES]
        assert origin.slices_asked == [0, 0]

    async def test_a_slice_that_ends_early_is_an_error(self, cache: SliceCache) -> None:
        origin = Origin(CONTENT)
        origin.surplus = -1
        with cache.open("key", origin, measured=True) as sliced:
            with pytest.raises(StorageUnavailable, match="bytes came for a slice"):
                await read_span(sliced, 0, SLICE_BYTES)
            assert sliced.file_piece(0, 1) is None
        assert cache.size == 0

    async def test_a_slice_that_is_too_long_is_not_kept(self, cache: SliceCache) -> None:
        origin = Origin(CONTENT)
        origin.surplus = 1
        with cache.open("key", origin, measured=True) as sliced:
            assert await read_span(sliced, 0, 10) == CONTENT[:10]
            await kept(cache, 0)
            assert sliced.file_piece(0, 1) is None

    async def test_reads_beyond_the_limit_of_fills_bypass_the_cache(self, cache: SliceCache) -> None:
        origins = [Origin(CONTENT[:SLICE_BYTES]) for _ in range(MAX_FILLS + 1)]
        for origin in origins:
            origin.opened.clear()
        readers = [asyncio.create_task(self._read(cache, str(n), origin)) for n, origin in enumerate(origins)]
        await origins[-1].was_asked.wait()
        for origin in origins:
            origin.opened.set()
        assert set(await asyncio.gather(*readers)) == {CONTENT[100:200]}
        await kept(cache, MAX_FILLS * SLICE_BYTES)
        assert origins[-1].asked == [(100, 100)]

    @staticmethod
    async def _read(cache: SliceCache, key: str, origin: Origin) -> bytes:
        with cache.open(key, origin, measured=True) as sliced:
            return await read_span(sliced, 100, 100)

    async def test_closing_ends_what_is_in_progress(self, tmp_path: Path) -> None:
        before, cache, origin = open_files(), small_cache(tmp_path), Origin(CONTENT)
        origin.opened.clear()
        with cache.open("key", origin, measured=True) as sliced:
            reader = asyncio.create_task(read_span(sliced, 0, SLICE_BYTES))
            await origin.was_asked.wait()
            await cache.close()
            with pytest.raises(StorageUnavailable, match="was cancelled"):
                await reader
        assert open_files() == before


class TestRoom:
    async def test_the_oldest_goes_that_was_not_read_again(self, tmp_path: Path) -> None:
        cache = small_cache(tmp_path, slices=3)
        origins = {key: Origin(CONTENT[:SLICE_BYTES]) for key in "abcd"}
        for key in "abcabd":
            with cache.open(key, origins[key], measured=True) as sliced:
                await read_span(sliced, 0, 10)
            await cache.settled()
        assert cache.size == 3 * SLICE_BYTES
        for key in "abcd":
            found = cache.find_open(key)
            assert (found is not None) == (key != "c")
        await cache.close()

    async def test_a_piece_stays_readable_after_its_eviction(self, tmp_path: Path) -> None:
        before, cache = open_files(), small_cache(tmp_path, slices=1)
        with cache.open("held", Origin(CONTENT[:SLICE_BYTES]), measured=True) as held:
            await read_span(held, 0, 10)
            await kept(cache, SLICE_BYTES)
            piece = held.file_piece(7, 1000)
            assert piece is not None
            for key in ("other", "another"):  # the first one only takes its second chance
                with cache.open(key, Origin(CONTENT[::-1][:SLICE_BYTES]), measured=True) as other:
                    await read_span(other, 0, 10)
                    await cache.settled()
            stored = cache.find_open("held")
            assert stored is not None
            assert stored.find_piece(7, 1000) is None
            assert os.pread(piece.fd, piece.length, piece.offset) == CONTENT[7:1007]
        await cache.close()
        assert open_files() == before

    async def test_files_are_counted_too(self, tmp_path: Path) -> None:
        before, cache = open_files(), small_cache(tmp_path, slices=2 * MAX_SEGMENTS)
        for number in range(MAX_SEGMENTS + 10):
            with cache.open(str(number), Origin(b"short"), measured=True) as sliced:
                await read_span(sliced, 0, 5)
            await cache.settled()
        assert cache.size == 5 * MAX_SEGMENTS
        await cache.close()
        assert open_files() == before

    async def test_a_failing_disk_is_logged_and_the_request_is_still_answered(
        self, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        clock = [1000.0]
        folder = tmp_path / "unplugged"
        cache = SliceCache(Segments(folder, LEAST_BYTES), now=lambda: clock[0])
        origin = Origin(CONTENT)
        with cache.open("key", origin, measured=True) as sliced, caplog.at_level(logging.WARNING):
            assert await read_span(sliced, 0, 10) == CONTENT[:10]
            await cache.settled()
            assert [record.message for record in caplog.records] == ["the cache of slices cannot be written"]
            assert await read_span(sliced, 0, 10) == CONTENT[:10]
            assert origin.asked == [(0, SLICE_BYTES), (0, 10)]
            folder.mkdir()
            clock[0] += PAUSE_SECONDS
            await read_span(sliced, 0, 10)
            await kept(cache, SLICE_BYTES)
        await cache.close()

    async def test_a_folder_that_cannot_be_used_is_refused(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(ValueError, match="must be one that we can write to"):
            await open_cache(tmp_path / "file" / "folder", LEAST_BYTES)

    async def test_too_little_room_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match=f"at least {LEAST_BYTES}|{LEAST_BYTES} bytes at least"):
            await open_cache(tmp_path, LEAST_BYTES - 1)


class TestVersions:
    async def test_another_version_takes_the_place_of_the_one_before(self, cache: SliceCache) -> None:
        old, new = Origin(CONTENT[:SLICE_BYTES], "old"), Origin(CONTENT[1 : SLICE_BYTES + 1], "new")
        with cache.open("key", old, measured=True) as sliced:
            await read_span(sliced, 0, 10)
            await kept(cache, SLICE_BYTES)
            with cache.open("key", new, measured=True) as newer:
                assert newer.file_piece(0, 10) is None
                assert await read_span(newer, 0, 10) == CONTENT[1:11]
                assert await read_span(sliced, 0, 10) == CONTENT[:10]
                assert sliced.stat.etag == "old"
            await kept(cache, SLICE_BYTES)
            stored = cache.find_open("key")
            assert stored is not None
            assert stored.stat.etag == "new"

    async def test_a_slice_that_arrives_after_its_object_was_dropped_is_not_kept(self, cache: SliceCache) -> None:
        origin = Origin(CONTENT)
        origin.opened.clear()
        with cache.open("key", origin, measured=True) as sliced:
            reader = asyncio.create_task(read_span(sliced, 0, SLICE_BYTES))
            await origin.was_asked.wait()
            cache.drop("key")
            origin.opened.set()
            assert await reader == CONTENT[:SLICE_BYTES]
            await cache.settled()
        assert cache.size == 0
        assert cache.find_open("key") is None

    async def test_a_cached_object_is_the_same_until_it_has_to_be_confirmed(self, tmp_path: Path) -> None:
        clock = [0.0]
        cache = SliceCache(Segments(tmp_path, LEAST_BYTES), now=lambda: clock[0])
        origin = Origin(CONTENT)
        with cache.open("key", origin, measured=True) as sliced:
            await read_span(sliced, SEGMENT_BYTES - 10, 20)
        await kept(cache, 2 * SLICE_BYTES)
        stored = cache.find_open("key")
        assert stored is not None
        assert stored is cache.find_open("key")
        piece = stored.find_piece(SEGMENT_BYTES - 10, 10)
        assert piece is not None
        assert os.pread(piece.fd, piece.length, piece.offset) == CONTENT[SEGMENT_BYTES - 10 : SEGMENT_BYTES]
        # Not in one file; not here.
        assert stored.find_piece(SEGMENT_BYTES - 10, 11) is None
        assert stored.find_piece(0, 10) is None
        clock[0] = CONFIRMED_SECONDS + 1
        assert cache.find_open("key") is None
        assert cache.needs_confirmation("key")
        with cache.open("key", origin, measured=True):
            assert cache.find_open("key") is stored
        await cache.close()

    @pytest.mark.parametrize("error", [ObjectNotFound("key", "gone"), ObjectChanged("key", "another version")])
    async def test_a_version_that_the_backend_no_longer_has_is_not_cached(
        self, cache: SliceCache, error: StorageError
    ) -> None:
        origin = Origin(CONTENT)
        with cache.open("key", origin, measured=True) as sliced:
            await read_span(sliced, 0, 10)
        await kept(cache, SLICE_BYTES)
        origin.error = error
        with cache.open("key", origin, measured=False) as sliced, pytest.raises(type(error)):
            await read_span(sliced, SLICE_BYTES, SLICE_BYTES)
        assert cache.find_open("key") is None
        await kept(cache, 0)

    async def test_a_fetch_confirms_the_cached_version(self, tmp_path: Path) -> None:
        clock = [0.0]
        cache = SliceCache(Segments(tmp_path, LEAST_BYTES), now=lambda: clock[0])
        with cache.open("key", Origin(CONTENT), measured=False) as sliced:
            await read_span(sliced, 0, 10)
            clock[0] = CONFIRMED_SECONDS + 1
            assert cache.needs_confirmation("key")
            await read_span(sliced, SLICE_BYTES, 10)
            await cache.settled()
            assert not cache.needs_confirmation("key")
        await cache.close()

    async def test_an_entry_that_was_not_confirmed_for_a_day_is_removed(self, tmp_path: Path) -> None:
        clock = [0.0]
        cache = SliceCache(Segments(tmp_path, LEAST_BYTES), now=lambda: clock[0])
        for key, at in (("old", 0.0), ("young", 10.0)):
            clock[0] = at
            with cache.open(key, Origin(CONTENT), measured=True) as sliced:
                await read_span(sliced, 0, 10)
            await cache.settled()
        clock[0] = UNCONFIRMED_SECONDS + 5
        cache.drop_unconfirmed()
        assert cache.size == SLICE_BYTES
        await cache.close()

    async def test_objects_of_which_nothing_is_kept_are_forgotten(self, cache: SliceCache) -> None:
        for number in range(100):
            with cache.open(str(number), Origin(b""), measured=True) as sliced:
                assert await read_span(sliced, 0, 0) == b""
        assert [cache.find_open(str(number)) for number in range(100)] == [None] * 100
