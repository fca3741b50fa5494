"""Reads parts of several stored objects, and literal bytes between them, as one object."""

from bisect import bisect_right
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from datetime import UTC, datetime
from hashlib import sha256
from itertools import accumulate

from storage_adapters.base import ObjectStat, ReadableObjects
from storage_adapters.resumable import Piece

Pieces = Sequence[Piece | bytes]


def length_of(piece: Piece | bytes) -> int:
    """The length of the piece in bytes."""
    return len(piece) if isinstance(piece, bytes) else piece.length


class PiecedObject:
    """The pieces as one StoredObject. The stored objects must never change."""

    def __init__(self, adapter: ReadableObjects, pieces: Pieces) -> None:
        self._adapter = adapter
        self.pieces = tuple(pieces)
        self._ends = list(accumulate(map(length_of, self.pieces)))
        self.stat = ObjectStat(self._ends[-1] if self._ends else 0, "pieces", datetime.now(UTC))

    def cut(self, offset: int, length: int) -> Iterator[Piece | bytes]:
        """The pieces that make up `length` bytes from `offset`; fewer bytes at the end of the object."""
        index = bisect_right(self._ends, offset)
        while length > 0 and index < len(self.pieces):
            piece, end = self.pieces[index], self._ends[index]
            start, count = offset - (end - length_of(piece)), min(length, end - offset)
            if isinstance(piece, bytes):
                yield piece[start : start + count]
            else:
                yield Piece(piece.key, piece.offset + start, count)
            offset, length, index = offset + count, length - count, index + 1

    async def read(self, offset: int, length: int) -> AsyncGenerator[bytes, None]:
        """Yield exactly these bytes (StoredObject.read)."""
        for piece in self.cut(offset, length):
            if isinstance(piece, bytes):
                yield piece
                continue
            async with (
                self._adapter.open(piece.key) as stored,
                aclosing(stored.read(piece.offset, piece.length)) as chunks,
            ):
                async for chunk in chunks:
                    yield chunk

    async def read_all(self, offset: int, length: int) -> bytes:
        """The same bytes together, fewer at the end of the object; for short reads."""
        async with aclosing(self.read(offset, length)) as chunks:
            return b"".join([chunk async for chunk in chunks])

    async def digest(self, offset: int, length: int) -> bytes:
        """The SHA-256 of these bytes, fewer at the end of the object."""
        digest = sha256()
        async with aclosing(self.read(offset, length)) as chunks:
            async for chunk in chunks:
                digest.update(chunk)
        return digest.digest()
