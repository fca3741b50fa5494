"""Fills: slices that are being fetched, each once for all readers that wait for it.

A fill belongs to no reader: it goes on when its followers leave, and ends with the slice's end or an error. The error
is raised in every follower and not remembered.
"""

import asyncio
from collections.abc import AsyncGenerator

from storage_adapters.base import StorageError, StorageUnavailable


class Fill:
    """One slice of the object `key` on its way, `length` bytes long."""

    def __init__(self, key: str, length: int) -> None:
        self.length = length
        self._key = key
        self._buffer = bytearray(length)
        self._arrived = 0
        self._error: StorageError | None = None
        self._news = asyncio.Event()

    @property
    def content(self) -> memoryview:
        """What has arrived."""
        return memoryview(self._buffer)[: self._arrived]

    def add(self, chunk: bytes) -> None:
        """The next bytes. Raises StorageUnavailable if they are too many."""
        end = self._arrived + len(chunk)
        if end > self.length:
            raise StorageUnavailable(self._key, f"{end} bytes came for a slice of {self.length}")
        self._buffer[self._arrived : end] = chunk
        self._arrived = end
        self._tell()

    def end(self) -> None:
        """No more bytes come. Raises StorageUnavailable if they are too few."""
        if self._arrived < self.length:
            raise StorageUnavailable(self._key, f"{self._arrived} bytes came for a slice of {self.length}")

    def fail(self, error: StorageError) -> None:
        """No more bytes come, for this reason, unless one was given before."""
        self._error = self._error or error
        self._tell()

    async def follow(self, start: int, end: int) -> AsyncGenerator[bytes, None]:
        """Yield the bytes from `start` to `end` (of the slice) as they arrive; raises the fill's error."""
        while start < end:
            if start < self._arrived:
                chunk = bytes(self.content[start:end])
                start += len(chunk)
                yield chunk
            elif self._error is not None:
                raise type(self._error)(self._error.key, self._error.reason) from self._error
            else:
                await self._news.wait()

    def _tell(self) -> None:
        self._news.set()
        self._news = asyncio.Event()
