"""One version, open for reading: from the disk, from a fill, or from the origin directly.

Reading ahead begins when the reader is in the second half of a slice, and covers half as many bytes as the reader has
read. If a client seeks or disconnects, little more was fetched than what it took.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import partial
from typing import Final

from storage_adapters.base import FilePiece, ObjectStat, StorageUnavailable, StoredObject, ZeroCopy
from storage_adapters.slices.segments import SLICE_BYTES, SliceFile
from storage_adapters.slices.versions import Version
from storage_adapters.threads import run

AHEAD: Final = 16
"""How many slices are fetched ahead of one reader at most."""


class SlicedObject(ZeroCopy):
    """A StoredObject; `origin` is read where nothing is cached, and must stay readable after its `open` block has ended."""

    def __init__(self, version: Version, origin: StoredObject) -> None:
        self._version = version
        self._origin = origin
        self._held: SliceFile | None = None

    @property
    def stat(self) -> ObjectStat:
        return self._version.stat

    def file_piece(self, offset: int, length: int) -> FilePiece | None:
        """As many of these bytes, from the first on, as one segment contains; None if the first is not cached."""
        self.stat.require_inside(offset, length)
        self.close()
        held = self._version.hold(offset, length)
        if held is None:
            return None
        self._held, piece = held
        return piece

    def close(self) -> None:
        """Release the last file piece."""
        if self._held is not None:
            self._version.release(self._held)
            self._held = None

    async def read(self, offset: int, length: int) -> AsyncGenerator[bytes, None]:
        """Yield exactly these bytes of this version (StoredObject.read)."""
        self.stat.require_inside(offset, length)
        position, end = offset, offset + length
        while position < end:
            stop = min(end, (position // SLICE_BYTES + 1) * SLICE_BYTES)
            async with aclosing(self._read_slice(position, stop)) as chunks:
                async for chunk in chunks:
                    position += len(chunk)
                    yield chunk
                    self._read_ahead(position, end, taken=position - offset)

    async def _read_slice(self, start: int, end: int) -> AsyncGenerator[bytes, None]:
        """Yield these bytes of one slice."""
        number = start // SLICE_BYTES
        held = self._version.hold(start, end - start)
        if held is not None:
            yield await self._read_held(*held)
            return
        fill = self._version.fill(number, self._origin)
        if fill is None:
            source = self._origin.read(start, end - start)
        else:
            source = fill.follow(start - number * SLICE_BYTES, end - number * SLICE_BYTES)
        async with aclosing(source) as chunks:
            async for chunk in chunks:
                yield chunk

    async def _read_held(self, segment: SliceFile, piece: FilePiece) -> bytes:
        try:
            chunk = await run(partial(segment.read, piece.offset, piece.length))
        except OSError as error:
            raise StorageUnavailable(self._version.key, f"its slice cannot be read: {error}") from error
        finally:
            self._version.release(segment)
        if len(chunk) < piece.length:
            raise StorageUnavailable(self._version.key, "its slice is short")
        return chunk

    def _read_ahead(self, position: int, end: int, *, taken: int) -> None:
        """Begin to fetch the next slices, if the reader is in the second half of this one."""
        number, inside = divmod(position, SLICE_BYTES)
        limit = min(1 + taken // SLICE_BYTES // 2, AHEAD)
        last = (end - 1) // SLICE_BYTES
        if inside and inside < SLICE_BYTES // 2:
            return
        for following in range(number + bool(inside), min(number + limit, last) + 1):
            if not self._version.read_ahead(following, self._origin):
                return
