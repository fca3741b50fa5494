"""Segments: stretches of objects in files without names, and who goes when there is no room.

A segment that has to go is closed when its last reader leaves, in a thread: that frees its blocks.
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
"""What is fetched in one request: as much as a read requests of S3 at first. A multiple of every page size."""

SLICES: Final = 64
SEGMENT_BYTES: Final = SLICES * SLICE_BYTES
MAX_SEGMENTS: Final = 1024
"""Each is an open file."""


def open_unnamed(folder: Path) -> IO[bytes]:
    """A new file that ends with its descriptor; blocks. Raises OSError."""
    return tempfile.TemporaryFile(dir=folder, buffering=0)


class SliceFile:
    """One file, which of its slices are there, and how many are using it."""

    __slots__ = ("_file", "fd", "forget", "kept", "present", "size", "used", "users")

    def __init__(self, file: IO[bytes], forget: Callable[["SliceFile"], None]) -> None:
        self._file = file
        self.fd = file.fileno()
        self.forget = forget
        """Called once, when it is not kept any more."""
        self.present: set[int] = set()
        self.size = 0
        self.users = 0
        self.used = False
        """Somebody read of it since it was last thought of dropping it."""
        self.kept = True

    def run(self, offset: int, length: int) -> int:
        """How many of these bytes, from the first on, are there; `offset` is the segment's own."""
        number, end = offset // SLICE_BYTES, offset + length
        while number * SLICE_BYTES < end and number in self.present:
            number += 1
        return max(0, min(number * SLICE_BYTES, end) - offset)

    def read(self, offset: int, length: int) -> bytes:
        """These bytes, which are there; blocks. Raises OSError."""
        return os.pread(self.fd, length, offset)

    def write(self, offset: int, content: bytes | memoryview) -> None:
        """Write a slice; blocks. Raises OSError. It is not there before `add` says so."""
        rest = memoryview(content)
        while rest:
            written = os.pwrite(self.fd, rest, offset)
            offset += written
            rest = rest[written:]

    def close(self) -> None:
        self._file.close()


class Segments:
    """All segments of a process: at most `max_bytes` in at most MAX_SEGMENTS files, besides those in use.

    The oldest goes first; one that was used since is as good as new, once ("second chance"). To note a use is one
    assignment, and what is read once, from its beginning to its end, does not drive out what is read again and again.
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
        """Write the slice with this number, and give the segment back. Raises OSError."""
        writing = self._in_thread(partial(segment.write, number * SLICE_BYTES, content))
        # A thread that was begun writes to its end, also if its caller is cancelled.
        writing.add_done_callback(lambda _: self.release(segment))
        await asyncio.shield(writing)

    def add(self, segment: SliceFile, number: int, size: int) -> None:
        """The slice with this number is there now; others may have to go."""
        if not segment.kept:
            return
        segment.present.add(number)
        segment.size += size
        self.size += size
        while self.size > self._max_bytes or len(self._order) > MAX_SEGMENTS:
            self._drop_oldest()

    def drop(self, segment: SliceFile) -> None:
        """Keep it no longer."""
        if segment.kept:
            segment.kept = False
            del self._order[segment]
            self.size -= segment.size
            segment.forget(segment)
            self._close_if_unused(segment)

    def release(self, segment: SliceFile) -> None:
        """One who used it does no longer."""
        segment.users -= 1
        self._close_if_unused(segment)

    async def close(self) -> None:
        """Drop everything; what is still read is closed as its readers leave."""
        for segment in tuple(self._order):
            self.drop(segment)
        while self._in_threads:
            await asyncio.wait(self._in_threads)

    def _drop_oldest(self) -> None:
        """Drop the oldest that nobody used since it was looked at here."""
        oldest = next(iter(self._order))
        while oldest.used:
            oldest.used = False
            self._order.move_to_end(oldest)
            oldest = next(iter(self._order))
        self.drop(oldest)

    def _close_if_unused(self, segment: SliceFile) -> None:
        if not segment.kept and not segment.users:
            self._in_thread(segment.close)

    def _in_thread(self, work: Callable[[], T]) -> asyncio.Future[T]:
        running = asyncio.get_running_loop().run_in_executor(WRITING, work)
        self._in_threads.add(running)
        running.add_done_callback(self._in_threads.discard)
        return running


def _close_made(making: asyncio.Future[IO[bytes]]) -> None:
    """The file that nobody waited for."""
    if not making.exception():
        making.result().close()
