"""Objects that arrive in pieces: what a storage backend offers to writers that come back, and to those that join objects.

A partial object is not an object: readers see it only once it was published, in one step.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from typing import NamedTuple, Protocol

from storage_adapters.base import ObjectWriter, StoredObject, Writable


class PartialWriter(ObjectWriter, Protocol):
    """A partial object being written: what was written is kept, however the block ends."""

    @property
    def size(self) -> int:
        """How many bytes are kept so far."""
        ...

    async def truncate(self, size: int) -> None:
        """Drop what was kept beyond `size` bytes."""
        ...


class Resumable(ABC):
    """A storage backend that takes an object in pieces, over any number of calls and processes; `delete` drops them too."""

    @abstractmethod
    async def partial_size(self, key: str) -> int:
        """How many bytes are kept of the object; 0 if none were ever written."""

    @abstractmethod
    def append(self, key: str) -> AbstractAsyncContextManager[PartialWriter]:
        """Write after what is kept; it is on disk once the block was left.

        One writer at a time: raises StorageUnavailable while there is another.
        """

    @abstractmethod
    async def publish(self, key: str) -> None:
        """Make what is kept the object, in one step. Raises ObjectNotFound if nothing is kept."""


class Piece(NamedTuple):
    """`length` bytes at `offset` of the object `key`."""

    key: str
    offset: int
    length: int


class Composing(Writable):
    """A storage backend that makes one object of pieces of others."""

    @abstractmethod
    def open(self, key: str) -> AbstractAsyncContextManager[StoredObject]:
        """(StorageAdapter.open)"""

    async def compose(self, key: str, pieces: Sequence[Piece | bytes], *, content_type: str | None = None) -> None:
        """Make an object of these bytes, in order. It appears whole or not at all; the other objects stay.

        Raises StorageError, ObjectNotFound about a piece whose object does not exist, or ValueError about one that
        is not inside its object.
        """
        async with self.create(key, content_type=content_type) as writer:
            for piece in pieces:
                if isinstance(piece, bytes):
                    await writer.write(piece)
                    continue
                async with self.open(piece.key) as stored:
                    await self._write_piece(writer, stored, piece)

    async def _write_piece(self, writer: ObjectWriter, stored: StoredObject, piece: Piece) -> None:
        """Write these bytes of the open object; an adapter whose server can copy them overrides this."""
        async with aclosing(stored.read(piece.offset, piece.length)) as chunks:
            async for chunk in chunks:
                await writer.write(chunk)
