"""Fills: slices that are being fetched, each once for all readers that wait for it.

A fill belongs to no reader: it continues when its readers stop, and ends with the end of the slice or an error. The
error is raised in every reader and not remembered.
"""

import asyncio
from collections.abc import AsyncGenerator

from storage_adapters.base import StorageError, StorageUnavailable


class Fill:
    """One slice of the object `key` that is being fetched, `length` bytes long."""

    def __init__(self, key: str, length: int) -> None:
        self.length = length
        self._key = key
        self._buffer = bytearray(length)
        self._arrived = 0
        self._error: StorageError | None = None
        self._arrival = asyncio.Event()

    @property
    def content(self) -> memoryview:
        """The bytes that have arrived."""
        return memoryview(self._buffer)[: self._arrived]

    def add(self, chunk: bytes) -> None:
        """Append the next bytes. Raises StorageUnavailable if the slice becomes too long."""
        end = self._arrived + len(chunk)
        if end > self.length:
            raise StorageUnavailable(self._key, f"{end} bytes came for a slice of {self.length}")
        self._buffer[self._arrived : end] = chunk
        self._arrived = end
        self._notify()

    def end(self) -> None:
        """Check that the slice is complete. Raises StorageUnavailable if it is too short."""
        if self._arrived < self.length:
            raise StorageUnavailable(self._key, f"{self._arrived} bytes came for a slice of {self.length}")

    def fail(self, error: StorageError) -> None:
        """End the fill with this error, unless it has one already."""
        self._error = self._error or error
        self._notify()

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
                await self._arrival.wait()

    def _notify(self) -> None:
        self._arrival.set()
        self._arrival = asyncio.Event()
