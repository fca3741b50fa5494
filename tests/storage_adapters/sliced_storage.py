"""A cache of slices in front of objects in memory, and an origin that waits and fails as the test wants."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from storage_adapters.base import ListedObject, ObjectStat, StorageError, Writable
from storage_adapters.memory import MemoryStorage, MemoryWriter
from storage_adapters.slices.cache import SliceCache
from storage_adapters.slices.reading import SlicedObject
from storage_adapters.slices.segments import SLICE_BYTES, Segments

CHUNK = 64 * 1024


class SlicedStorage(Writable):
    """MemoryStorage, read through a cache."""

    def __init__(self, cache: SliceCache) -> None:
        self._memory = MemoryStorage()
        self._cache = cache

    @asynccontextmanager
    async def open(self, key: str, expected: ObjectStat | None = None) -> AsyncGenerator[SlicedObject, None]:
        async with self._memory.open(key, expected) as stored:
            with self._cache.open(key, stored, measured=True) as sliced:
                yield sliced

    @asynccontextmanager
    async def create(self, key: str, *, content_type: str | None = None) -> AsyncGenerator[MemoryWriter, None]:
        async with self._memory.create(key, content_type=content_type) as writer:
            yield writer

    def list(self, prefix: str) -> AsyncIterator[ListedObject]:
        return self._memory.list(prefix)

    async def delete(self, key: str) -> None:
        await self._memory.delete(key)
        self._cache.drop(key)

    async def ping(self) -> None:
        await self._memory.ping()

    async def close(self) -> None:
        await self._cache.close()


class Origin:
    """An object of a remote storage backend (StoredObject): records the requested spans, and waits or fails as the test wants."""

    def __init__(self, content: bytes, etag: str = "v1") -> None:
        self.stat = ObjectStat(len(content), etag, datetime(2026, 1, 1, tzinfo=UTC))
        self.content = content
        self.asked: list[tuple[int, int]] = []
        self.was_asked = asyncio.Event()
        self.opened = asyncio.Event()
        self.opened.set()
        self.error: StorageError | None = None
        """Raised in place of everything after the first chunk."""
        self.surplus = 0
        """A read yields this many bytes more than were requested, or fewer if it is negative."""

    @property
    def slices_asked(self) -> list[int]:
        """The same spans, by the slice that each begins in."""
        return [offset // SLICE_BYTES for offset, _ in self.asked]

    async def read(self, offset: int, length: int) -> AsyncGenerator[bytes, None]:
        self.asked.append((offset, length))
        self.was_asked.set()
        end = offset + length + self.surplus
        for start in range(offset, end, CHUNK):
            if start > offset:
                if self.error is not None:
                    raise self.error
                await self.opened.wait()
            yield self.content[start : min(start + CHUNK, end)]


def small_cache(folder: Path, *, slices: int = 1024) -> SliceCache:
    """A cache with room for this many slices."""
    return SliceCache(Segments(folder, slices * SLICE_BYTES))
