"""The cached slices of one version of one object.

A slice is fetched whole, once for all its readers, by a task of its own. It can be read as it arrives, and is then
written to its segment.
"""

import asyncio
import logging
import math
from collections.abc import Callable
from contextlib import aclosing
from functools import partial
from typing import Final

from storage_adapters.base import (
    FilePiece,
    ObjectChanged,
    ObjectNotFound,
    ObjectStat,
    OpenObject,
    StorageError,
    StorageUnavailable,
    StoredObject,
)
from storage_adapters.slices.fills import Fill
from storage_adapters.slices.segments import SEGMENT_BYTES, SLICE_BYTES, SLICES, Segments, SliceFile

_log: Final = logging.getLogger(__name__)

MAX_FILLS: Final = 64
"""How many slices are fetched at the same time; readers of more bypass the cache."""
PAUSE_SECONDS: Final = 30.0
"""How long nothing is cached after the disk reported an error."""


class CacheState:
    """What all versions share: the segments, the fills, and the clock (`now`, in seconds)."""

    def __init__(self, segments: Segments, now: Callable[[], float]) -> None:
        self.segments = segments
        self.now = now
        self.fills: set[asyncio.Task[None]] = set()
        self._paused_until = -math.inf

    def admits(self, fills: int) -> bool:
        """Whether another fill may begin while at most this many may run."""
        return len(self.fills) < fills and self.now() >= self._paused_until

    def pause(self, error: OSError) -> None:
        """Cache nothing for PAUSE_SECONDS: the disk reported an error."""
        self._paused_until = self.now() + PAUSE_SECONDS
        _log.warning(
            "the cache of slices cannot be written", extra={"cause": str(error), "paused_seconds": PAUSE_SECONDS}
        )


class Version(OpenObject):
    """One version. `on_dropped` is called whenever its last slice may have been dropped."""

    def __init__(self, key: str, stat: ObjectStat, state: CacheState, on_dropped: Callable[["Version"], None]) -> None:
        self.key = key
        self.readers = 0
        self._stat = stat
        self._state = state
        self._on_dropped = on_dropped
        self._segments: dict[int, SliceFile] = {}
        self._fills: dict[int, Fill] = {}
        self._is_current = True
        self.confirm()

    @property
    def stat(self) -> ObjectStat:
        return self._stat

    @property
    def is_empty(self) -> bool:
        """Whether no slice of it is cached or being fetched."""
        return not (self._segments or self._fills)

    def confirm(self) -> None:
        """Record that it is the object's version now."""
        self.confirmed_at = self._state.now()

    def find_piece(self, offset: int, length: int) -> FilePiece | None:
        """These bytes, if one segment contains them all; valid until something is awaited (OpenObject)."""
        # Called at every seek; most spans are inside one slice.
        index, inside = divmod(offset, SEGMENT_BYTES)
        segment = self._segments.get(index)
        if segment is None:
            return None
        number = inside // SLICE_BYTES
        is_in_one = number in segment.present and inside + length <= (number + 1) * SLICE_BYTES
        if not is_in_one and segment.run(inside, length) < length:
            return None
        segment.used = True
        return FilePiece(segment.fd, inside, length)

    def hold(self, offset: int, length: int) -> tuple[SliceFile, FilePiece] | None:
        """As many of these bytes, from the first on, as one segment contains. The caller must release the segment."""
        index, inside = divmod(offset, SEGMENT_BYTES)
        segment = self._segments.get(index)
        if segment is None or not (run := segment.run(inside, length)):
            return None
        segment.used = True
        segment.users += 1
        return segment, FilePiece(segment.fd, inside, run)

    def release(self, segment: SliceFile) -> None:
        """Release the segment that `hold` returned."""
        self._state.segments.release(segment)

    def fill(self, number: int, origin: StoredObject, *, most: int = MAX_FILLS) -> Fill | None:
        """The slice's fill, which is begun if necessary; None if it cannot be cached or `most` fills are running."""
        fill = self._fills.get(number)
        if fill is None and self._state.admits(most):
            fill = self._fills[number] = Fill(self.key, min(SLICE_BYTES, self._stat.size - number * SLICE_BYTES))
            task = asyncio.create_task(self._fetch(number, fill, origin))
            self._state.fills.add(task)
            task.add_done_callback(self._state.fills.discard)
        return fill

    def read_ahead(self, number: int, origin: StoredObject) -> bool:
        """Fetch the slice unless it is cached or being fetched; False if too many fills are running."""
        segment = self._segments.get(number // SLICES)
        is_cached = segment is not None and number % SLICES in segment.present
        return is_cached or self.fill(number, origin, most=MAX_FILLS // 2) is not None

    def drop(self) -> None:
        """Drop all slices, and those that are being fetched."""
        self._is_current = False
        for segment in tuple(self._segments.values()):
            self._state.segments.drop(segment)

    async def _fetch(self, number: int, fill: Fill, origin: StoredObject) -> None:
        try:
            async with aclosing(origin.read(number * SLICE_BYTES, fill.length)) as chunks:
                async for chunk in chunks:
                    fill.add(chunk)
            fill.end()
            self.confirm()
            await self._write(number, fill.content)
        except StorageError as error:
            if isinstance(error, ObjectNotFound | ObjectChanged):
                # The backend has another version now, or none: the cached slices are out of date.
                self.drop()
            fill.fail(error)
        except OSError as error:
            self._state.pause(error)
        finally:
            # After any error, and after a cancellation: no reader may wait for ever.
            fill.fail(StorageUnavailable(self.key, "fetching its slice was cancelled"))
            del self._fills[number]
            self._on_dropped(self)

    async def _write(self, number: int, content: memoryview) -> None:
        """Write the slice to its segment. Raises OSError."""
        index, inside = divmod(number, SLICES)
        segment = await self._segment(index)
        await self._state.segments.write(segment, inside, content)
        if self._is_current:
            self._state.segments.add(segment, inside, len(content))
        else:
            self._state.segments.drop(segment)

    async def _segment(self, index: int) -> SliceFile:
        """The segment with this index, in use by the caller. Raises OSError."""
        segment = self._segments.get(index)
        if segment is None:
            made = await self._state.segments.make(partial(self._forget, index))
            segment = self._segments.setdefault(index, made)
            if segment is made:
                return segment
            # The task of another slice created one in the meantime.
            self._state.segments.drop(made)
            self._state.segments.release(made)
        segment.users += 1
        return segment

    def _forget(self, index: int, segment: SliceFile) -> None:
        if self._segments.get(index) is segment:
            del self._segments[index]
            self._on_dropped(self)
