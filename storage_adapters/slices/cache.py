"""The cache of slices: which versions of which objects have cached slices.

Only the most recent version of an object is cached. It is valid for CONFIRMED_SECONDS; afterwards, opening the object
checks that it is unchanged. Fetching bytes confirms the version, too, because they are requested by its entity tag. A
version that was not confirmed for UNCONFIRMED_SECONDS is dropped, because the object may have been deleted elsewhere.
"""

import asyncio
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from storage_adapters.base import OpenObject, StoredObject
from storage_adapters.slices.reading import SlicedObject
from storage_adapters.slices.segments import SEGMENT_BYTES, Segments
from storage_adapters.slices.versions import CacheState, Version
from storage_adapters.threads import run

CONFIRMED_SECONDS: Final = 60.0
UNCONFIRMED_SECONDS: Final = 86_400.0
_CHECK_SECONDS: Final = 3600.0
LEAST_BYTES: Final = 2 * SEGMENT_BYTES


async def open_cache(folder: Path, max_bytes: int) -> "SliceCache":
    """A cache with its files in this folder, which is created if absent.

    Raises ValueError if the folder cannot be used or `max_bytes` is less than LEAST_BYTES; the text says what to change.
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
    cache.drop_unconfirmed()
    return cache


class SliceCache:
    """The slices that one process caches. For one event loop; `now` returns seconds of a monotonic clock."""

    def __init__(self, segments: Segments, now: Callable[[], float] = time.monotonic) -> None:
        self._segments = segments
        self._now = now
        self._state = CacheState(segments, now)
        self._timer: asyncio.TimerHandle | None = None
        self._versions: dict[str, Version] = {}

    @property
    def size(self) -> int:
        """How many bytes are cached."""
        return self._segments.size

    @contextmanager
    def open(self, key: str, origin: StoredObject, *, measured: bool) -> Generator[SlicedObject]:
        """Read the object through the cache; `measured` says that its stat has just come from the backend."""
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
            self._forget_if_empty(version)

    def find_open(self, key: str) -> OpenObject | None:
        """The cached version of the object, if it was confirmed in the last CONFIRMED_SECONDS (OpenObjectCache)."""
        version = self._versions.get(key)
        if version is None or self._now() - version.confirmed_at > CONFIRMED_SECONDS:
            return None
        return version

    def needs_confirmation(self, key: str) -> bool:
        """Whether a version is cached that has to be confirmed again."""
        version = self._versions.get(key)
        return version is not None and self._now() - version.confirmed_at > CONFIRMED_SECONDS

    def drop(self, key: str) -> None:
        """Remove an object that was deleted or replaced. Its current readers are not interrupted."""
        version = self._versions.pop(key, None)
        if version is not None:
            version.drop()

    def drop_unconfirmed(self) -> None:
        """Drop versions that were not confirmed for UNCONFIRMED_SECONDS, now and every hour."""
        for key, version in tuple(self._versions.items()):
            if self._now() - version.confirmed_at > UNCONFIRMED_SECONDS:
                self.drop(key)
        self._timer = asyncio.get_running_loop().call_later(_CHECK_SECONDS, self.drop_unconfirmed)

    async def settled(self) -> None:
        """Wait until no slice is being fetched or written."""
        if self._state.fills:
            await asyncio.wait(self._state.fills)

    async def close(self) -> None:
        """Empty the cache and stop all fetching."""
        if self._timer is not None:
            self._timer.cancel()
        for fill in self._state.fills:
            fill.cancel()
        await self.settled()
        await self._segments.close()

    def _version(self, key: str, origin: StoredObject) -> Version:
        version, stat = self._versions.get(key), origin.stat
        if version is None or (version.stat.etag, version.stat.size) != (stat.etag, stat.size):
            self.drop(key)
            version = self._versions[key] = Version(key, stat, self._state, self._forget_if_empty)
        return version

    def _forget_if_empty(self, version: Version) -> None:
        """Forget the version if none of its slices is left."""
        if version.is_empty and not version.readers and self._versions.get(version.key) is version:
            del self._versions[version.key]
