"""Segments: parts of objects in unnamed files, and their eviction.

An evicted segment is closed after its last reader has finished, in a thread, because closing frees its blocks.
"""

import asyncio
import os
import tempfile
from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import IO, Any, Final, TypeVar

from storage_adapters.threads import WRITING

T = TypeVar("T")

SLICE_BYTES: Final = 512 * 1024
"""The bytes of one fetch: the size of the first request of a read. A multiple of every page size."""

SLICES: Final = 64
SEGMENT_BYTES: Final = SLICES * SLICE_BYTES
MAX_SEGMENTS: Final = 1024
"""Each is an open file."""


def open_unnamed(folder: Path) -> IO[bytes]:
    """A new file that disappears when its descriptor is closed; blocks. Raises OSError."""
    return tempfile.TemporaryFile(dir=folder, buffering=0)


class SliceFile:
    """One file, the numbers of the slices that it contains, and how many readers use it."""

    __slots__ = ("_file", "fd", "forget", "is_cached", "present", "size", "used", "users")

    def __init__(self, file: IO[bytes], forget: Callable[["SliceFile"], None]) -> None:
        self._file = file
        self.fd = file.fileno()
        self.forget = forget
        """Called once, when the segment is evicted."""
        self.present: set[int] = set()
        self.size = 0
        self.users = 0
        self.used = False
        """Whether it was read since eviction last considered it."""
        self.is_cached = True

    def run(self, offset: int, length: int) -> int:
        """How many of these bytes, from the first on, the file contains; `offset` counts from the segment's beginning."""
        number, end = offset // SLICE_BYTES, offset + length
        while number * SLICE_BYTES < end and number in self.present:
            number += 1
        return max(0, min(number * SLICE_BYTES, end) - offset)

    def read(self, offset: int, length: int) -> bytes:
        """These bytes, which the file contains; blocks. Raises OSError."""
        return os.pread(self.fd, length, offset)

    def write(self, offset: int, content: bytes | memoryview) -> None:
        """Write a slice; blocks. Raises OSError. The slice counts as present after `add`."""
        rest = memoryview(content)
        while rest:
            written = os.pwrite(self.fd, rest, offset)
            offset += written
            rest = rest[written:]

    def close(self) -> None:
        self._file.close()


class Segments:
    """All segments of a process: at most `max_bytes` in at most MAX_SEGMENTS files, besides those in use.

    The oldest is evicted first; one that was read since is moved to the end once ("second chance", also called CLOCK).
    Recording a use is one assignment, and an object that is read once from beginning to end does not evict those that
    are read repeatedly.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._order: OrderedDict[SliceFile, None] = OrderedDict()
        self._in_threads: set[asyncio.Future[Any]] = set()
        self.size = 0

    async def make(self, forget: Callable[[SliceFile], None]) -> SliceFile:
        """An empty segment, in use by the caller. Raises OSError."""
        making = self._in_thread(partial(open_unnamed, self._folder))
        try:
            file = await asyncio.shield(making)
        except asyncio.CancelledError:
            making.add_done_callback(_close_made)
            raise
        segment = SliceFile(file, forget)
        segment.users = 1
        self._order[segment] = None
        return segment

    async def write(self, segment: SliceFile, number: int, content: memoryview) -> None:
        """Write the slice with this number, and release the segment. Raises OSError."""
        writing = self._in_thread(partial(segment.write, number * SLICE_BYTES, content))
        # A thread cannot be interrupted: it writes to the end even if its caller is cancelled.
        writing.add_done_callback(lambda _: self.release(segment))
        await asyncio.shield(writing)

    def add(self, segment: SliceFile, number: int, size: int) -> None:
        """Record that the slice with this number was written; evict others if there is too little room."""
        if not segment.is_cached:
            return
        segment.present.add(number)
        segment.size += size
        self.size += size
        while self.size > self._max_bytes or len(self._order) > MAX_SEGMENTS:
            self._drop_oldest()

    def drop(self, segment: SliceFile) -> None:
        """Evict the segment."""
        if segment.is_cached:
            segment.is_cached = False
            del self._order[segment]
            self.size -= segment.size
            segment.forget(segment)
            self._close_if_unused(segment)

    def release(self, segment: SliceFile) -> None:
        """Record that one of its users has finished."""
        segment.users -= 1
        self._close_if_unused(segment)

    async def close(self) -> None:
        """Evict everything; segments that are being read are closed after their readers have finished."""
        for segment in tuple(self._order):
            self.drop(segment)
        while self._in_threads:
            await asyncio.wait(self._in_threads)

    def _drop_oldest(self) -> None:
        """Evict the oldest segment that was not used since it was last considered."""
        oldest = next(iter(self._order))
        while oldest.used:
            oldest.used = False
            self._order.move_to_end(oldest)
            oldest = next(iter(self._order))
        self.drop(oldest)

    def _close_if_unused(self, segment: SliceFile) -> None:
        if not segment.is_cached and not segment.users:
            self._in_thread(segment.close)

    def _in_thread(self, work: Callable[[], T]) -> asyncio.Future[T]:
        running = asyncio.get_running_loop().run_in_executor(WRITING, work)
        self._in_threads.add(running)
        running.add_done_callback(self._in_threads.discard)
        return running


def _close_made(making: asyncio.Future[IO[bytes]]) -> None:
    """Close the file of a cancelled caller."""
    if not making.exception():
        making.result().close()
