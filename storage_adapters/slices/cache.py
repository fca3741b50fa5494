"""The cache: which versions of which objects it has slices of.

One version of an object is cached, the one that was seen last. It is valid for CONFIRMED_SECONDS; then a caller that
opens the object has to look whether it is still the same. Bytes that are fetched confirm it as well: they are
requested by its entity tag. What was not confirmed for KEPT_SECONDS is dropped: it may have been deleted elsewhere.
"""

import asyncio
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from storage_adapters.base import KeptObject, StoredObject
from storage_adapters.slices.reading import SlicedObject
from storage_adapters.slices.segments import SEGMENT_BYTES, Segments
from storage_adapters.slices.versions import Shelf, Version
from storage_adapters.threads import run

CONFIRMED_SECONDS: Final = 60.0
KEPT_SECONDS: Final = 86_400.0
_SWEEP_SECONDS: Final = 3600.0
LEAST_BYTES: Final = 2 * SEGMENT_BYTES


async def open_cache(folder: Path, max_bytes: int) -> "SliceCache":
    """A cache with its files in this folder, made if absent.

    Raises ValueError if the folder cannot be used or the room is less than LEAST_BYTES; the text says what to change.
    """
    if max_bytes < LEAST_BYTES:
        raise ValueError(f"a cache needs room for {LEAST_BYTES} bytes at least, not {max_bytes}")
    segments = Segments(folder, max_bytes)
    try:
        await run(partial(folder.mkdir, 0o700, parents=True, exist_ok=True))
        probe = await segments.make(lambda _: None)
    except OSError as error:
        raise ValueError(f"the folder {str(folder)!r} must be one that we can write to: {error.strerror}") from error
    segments.drop(probe)
    segments.release(probe)
    cache = SliceCache(segments)
    cache.sweep()
    return cache


class SliceCache:
    """For one event loop; `now` counts seconds."""

    def __init__(self, segments: Segments, now: Callable[[], float] = time.monotonic) -> None:
        self._segments = segments
        self._now = now
        self._shelf = Shelf(segments, now)
        self._timer: asyncio.TimerHandle | None = None
        self._versions: dict[str, Version] = {}

    @property
    def size(self) -> int:
        """How many bytes are kept."""
        return self._segments.size

    @contextmanager
    def front(self, key: str, origin: StoredObject, *, measured: bool) -> Generator[SlicedObject]:
        """The object, read through the cache; `measured`: its stat is what the storage said just now."""
        version = self._version(key, origin)
        if measured:
            version.confirm()
        version.readers += 1
        sliced = SlicedObject(version, origin)
        try:
            yield sliced
        finally:
            sliced.close()
            version.readers -= 1
            self._leave(version)

    def at_hand(self, key: str) -> KeptObject | None:
        """What is kept of the object, if that was confirmed lately (Keeping)."""
        version = self._versions.get(key)
        if version is None or self._now() - version.confirmed_at > CONFIRMED_SECONDS:
            return None
        return version

    def wants_look(self, key: str) -> bool:
        """Whether something is kept that was not confirmed lately."""
        version = self._versions.get(key)
        return version is not None and self._now() - version.confirmed_at > CONFIRMED_SECONDS

    def drop(self, key: str) -> None:
        """Keep nothing of the object: it was deleted or replaced. Its readers read on."""
        version = self._versions.pop(key, None)
        if version is not None:
            version.drop()

    def sweep(self) -> None:
        """Drop what was not confirmed for KEPT_SECONDS, now and every hour."""
        for key, version in tuple(self._versions.items()):
            if self._now() - version.confirmed_at > KEPT_SECONDS:
                self.drop(key)
        self._timer = asyncio.get_running_loop().call_later(_SWEEP_SECONDS, self.sweep)

    async def settled(self) -> None:
        """Return when nothing is on its way, or being written."""
        if self._shelf.fills:
            await asyncio.wait(self._shelf.fills)

    async def close(self) -> None:
        """Keep nothing, and fetch nothing more."""
        if self._timer is not None:
            self._timer.cancel()
        for fill in self._shelf.fills:
            fill.cancel()
        await self.settled()
        await self._segments.close()

    def _version(self, key: str, origin: StoredObject) -> Version:
        version, stat = self._versions.get(key), origin.stat
        if version is None or (version.stat.etag, version.stat.size) != (stat.etag, stat.size):
            self.drop(key)
            version = self._versions[key] = Version(key, stat, self._shelf, self._leave)
        return version

    def _leave(self, version: Version) -> None:
        """Forget the version if nothing of it is left."""
        if version.is_empty and not version.readers and self._versions.get(version.key) is version:
            del self._versions[version.key]
