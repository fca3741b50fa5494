"""One version of one object, as far as it came by.

A slice is fetched whole, once for all who want it, by a task of its own. It can be read as it arrives; when it has
been written, the file has it.
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
    KeptObject,
    ObjectChanged,
    ObjectNotFound,
    ObjectStat,
    StorageError,
    StorageUnavailable,
    StoredObject,
)
from storage_adapters.slices.fills import Fill
from storage_adapters.slices.segments import SEGMENT_BYTES, SLICE_BYTES, SLICES, Segments, SliceFile

_log: Final = logging.getLogger(__name__)

MAX_FILLS: Final = 64
"""How many slices are fetched at the same time; readers of more bypass the cache."""
REST_SECONDS: Final = 30.0
"""How long nothing is kept after the disk refused."""


class Shelf:
    """What all versions share: room on the disk, fills, and the clock (`now`, in seconds)."""

    def __init__(self, segments: Segments, now: Callable[[], float]) -> None:
        self.segments = segments
        self.now = now
        self.fills: set[asyncio.Task[None]] = set()
        self._rests_until = -math.inf

    def takes(self, fills: int) -> bool:
        """Whether a fill may begin where at most this many run."""
        return len(self.fills) < fills and self.now() >= self._rests_until

    def rest(self, error: OSError) -> None:
        """The disk refused: keep nothing for a while."""
        self._rests_until = self.now() + REST_SECONDS
        _log.warning("the cache of slices cannot be written", extra={"cause": str(error), "rests": REST_SECONDS})


class Version(KeptObject):
    """One version. `leave` is called whenever nothing of it may be left."""

    def __init__(self, key: str, stat: ObjectStat, shelf: Shelf, leave: Callable[["Version"], None]) -> None:
        self.key = key
        self.readers = 0
        self._stat = stat
        self._shelf = shelf
        self._leave = leave
        self._segments: dict[int, SliceFile] = {}
        self._fills: dict[int, Fill] = {}
        self._is_kept = True
        self.confirm()

    @property
    def stat(self) -> ObjectStat:
        return self._stat

    @property
    def is_empty(self) -> bool:
        """Whether nothing of it is here, or on its way."""
        return not (self._segments or self._fills)

    def confirm(self) -> None:
        """It is the object's version now."""
        self.confirmed_at = self._shelf.now()

    def piece_at_hand(self, offset: int, length: int) -> FilePiece | None:
        """These bytes, if one segment has them all; good until something is awaited (KeptObject)."""
        # Asked at every seek: most lie in one slice.
        place, inside = divmod(offset, SEGMENT_BYTES)
        segment = self._segments.get(place)
        if segment is None:
            return None
        number = inside // SLICE_BYTES
        is_in_one = number in segment.present and inside + length <= (number + 1) * SLICE_BYTES
        if not is_in_one and segment.run(inside, length) < length:
            return None
        segment.used = True
        return FilePiece(segment.fd, inside, length)

    def hold(self, offset: int, length: int) -> tuple[SliceFile, FilePiece] | None:
        """The segment that has the first of these bytes, for the caller to release, and as many as it has of them."""
        place, inside = divmod(offset, SEGMENT_BYTES)
        segment = self._segments.get(place)
        if segment is None or not (run := segment.run(inside, length)):
            return None
        segment.used = True
        segment.users += 1
        return segment, FilePiece(segment.fd, inside, run)

    def release(self, segment: SliceFile) -> None:
        """Give back what `hold` gave."""
        self._shelf.segments.release(segment)

    def fill(self, number: int, origin: StoredObject, *, most: int = MAX_FILLS) -> Fill | None:
        """The slice on its way, begun if need be; None if it cannot be kept, or `most` fills run already."""
        fill = self._fills.get(number)
        if fill is None and self._shelf.takes(most):
            fill = self._fills[number] = Fill(self.key, min(SLICE_BYTES, self._stat.size - number * SLICE_BYTES))
            task = asyncio.create_task(self._fetch(number, fill, origin))
            self._shelf.fills.add(task)
            task.add_done_callback(self._shelf.fills.discard)
        return fill

    def look_ahead(self, number: int, origin: StoredObject) -> bool:
        """See that the slice is here or on its way; False if there is nothing to spare for it."""
        segment = self._segments.get(number // SLICES)
        is_here = segment is not None and number % SLICES in segment.present
        return is_here or self.fill(number, origin, most=MAX_FILLS // 2) is not None

    def drop(self) -> None:
        """Keep nothing of it, nor of what is on its way."""
        self._is_kept = False
        for segment in tuple(self._segments.values()):
            self._shelf.segments.drop(segment)

    async def _fetch(self, number: int, fill: Fill, origin: StoredObject) -> None:
        try:
            async with aclosing(origin.read(number * SLICE_BYTES, fill.length)) as chunks:
                async for chunk in chunks:
                    fill.add(chunk)
            fill.end()
            self.confirm()
            await self._keep(number, fill.content)
        except StorageError as error:
            if isinstance(error, ObjectNotFound | ObjectChanged):
                # The storage has another version now, or none: what came by is of the past.
                self.drop()
            fill.fail(error)
        except OSError as error:
            self._shelf.rest(error)
        finally:
            # Whatever it was, and if it was cancelled: nobody may wait for ever.
            fill.fail(StorageUnavailable(self.key, "its slice was given up"))
            del self._fills[number]
            self._leave(self)

    async def _keep(self, number: int, content: memoryview) -> None:
        """Write the slice down. Raises OSError."""
        place, inside = divmod(number, SLICES)
        segment = await self._segment(place)
        await self._shelf.segments.write(segment, inside, content)
        if self._is_kept:
            self._shelf.segments.add(segment, inside, len(content))
        else:
            self._shelf.segments.drop(segment)

    async def _segment(self, place: int) -> SliceFile:
        """The segment at this place, in use by the caller. Raises OSError."""
        segment = self._segments.get(place)
        if segment is None:
            made = await self._shelf.segments.make(partial(self._forget, place))
            segment = self._segments.setdefault(place, made)
            if segment is made:
                return segment
            # Another slice's task made one meanwhile.
            self._shelf.segments.drop(made)
            self._shelf.segments.release(made)
        segment.users += 1
        return segment

    def _forget(self, place: int, segment: SliceFile) -> None:
        if self._segments.get(place) is segment:
            del self._segments[place]
            self._leave(self)
