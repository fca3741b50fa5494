"""A stored object as a file: for libraries that read files, in a thread.

Knows: that the thread's reads run on the event loop, as ranged reads of the object. Refuses to know: which
storage it is, and what the bytes mean.

A thread cannot be stopped: `read_in_thread` waits for it, and a cancelled caller makes its next read fail.
"""

import asyncio
import io
import os
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import aclosing
from typing import BinaryIO, Final, TypeVar

from storage_adapters.base import StoredObject

BUFFER_BYTES: Final = 512 * 1024
"""Bytes that are asked for at once; a demuxer's small reads and short seeks stay inside of it."""

T = TypeVar("T")


async def read_in_thread(stored: StoredObject, work: Callable[[BinaryIO], T], threads: Executor | None = None) -> T:
    """What `work` makes of the object, given to it as a file in a thread.

    `threads` are the event loop's own by default. Whoever reads many objects at once brings others: storages
    read in the loop's threads, and would wait for ever for those who wait for them.

    Raises what `work` raises; a read raises the storage's own StorageError. Cancelled, it returns when the
    thread has ended.
    """
    loop = asyncio.get_running_loop()
    file = ObjectFile(stored, loop)
    working = loop.run_in_executor(threads, work, io.BufferedReader(file, BUFFER_BYTES))
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        file.abandon()
        await asyncio.wait([working])
        working.exception()  # it is nobody's any more
        raise


class ObjectFile(io.RawIOBase):
    """The object, for one thread that is not the event loop's."""

    def __init__(self, stored: StoredObject, loop: asyncio.AbstractEventLoop) -> None:
        self._stored = stored
        self._loop = loop
        self._position = 0
        self._abandoned = False

    def abandon(self) -> None:
        """Make every further read fail."""
        self._abandoned = True

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Move, like a file's; beyond the end there is nothing to read."""
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._stored.stat.size}[whence]
        if base + offset < 0:
            raise ValueError("before the beginning")
        self._position = base + offset
        return self._position

    def readinto(self, buffer: "memoryview[int]", /) -> int:  # type: ignore[override]
        """Fill the buffer, or as much of it as the object still has."""
        if self._abandoned:
            raise OSError("nobody waits for this any more")
        length = min(len(buffer), max(self._stored.stat.size - self._position, 0))
        read = asyncio.run_coroutine_threadsafe(self._read(buffer, length), self._loop)
        read.result()
        self._position += length
        return length

    async def _read(self, buffer: "memoryview[int]", length: int) -> None:
        filled = 0
        async with aclosing(self._stored.read(self._position, length)) as chunks:
            async for chunk in chunks:
                buffer[filled : filled + len(chunk)] = chunk
                filled += len(chunk)
