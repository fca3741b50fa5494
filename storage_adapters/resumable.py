"""The interfaces for objects that arrive in pieces (Resumable) and for joining objects (Composing).

Readers do not see a partial object; publishing makes it visible in one step.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, aclosing
from typing import NamedTuple, Protocol

from storage_adapters.base import ObjectWriter, StoredObject, Writable


class PartialWriter(ObjectWriter, Protocol):
    """A partial object being written: the written bytes are stored however the `append` block ends."""

    @property
    def size(self) -> int:
        """The number of bytes of the partial object so far."""

    async def truncate(self, size: int) -> None:
        """Drop everything after the first `size` bytes."""


class Resumable(ABC):
    """A storage backend that accepts an object in pieces, over any number of calls and processes.

    `delete` also removes the partial object.
    """

    @abstractmethod
    async def partial_size(self, key: str) -> int:
        """The size of the partial object in bytes; 0 if there is none."""

    @abstractmethod
    def append(self, key: str) -> AbstractAsyncContextManager[PartialWriter]:
        """Append to the partial object; the bytes are on the disk when the block ends.

        Raises StorageUnavailable while another writer has it open.
        """

    @abstractmethod
    async def publish(self, key: str) -> None:
        """Make the partial object the object, in one step. Raises ObjectNotFound if there is none."""


class Piece(NamedTuple):
    """`length` bytes at `offset` of the object `key`."""

    key: str
    offset: int
    length: int


class Composing(Writable):
    """A storage backend that can make one object from pieces of others."""

    @abstractmethod
    def open(self, key: str) -> AbstractAsyncContextManager[StoredObject]:
        """(StorageAdapter.open)"""

    async def compose(self, key: str, pieces: Sequence[Piece | bytes], *, content_type: str | None = None) -> None:
        """Make an object from these bytes, in order. It becomes visible only when complete; the sources stay.

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
        """Copy these bytes of the open object; an adapter whose server can copy them overrides this."""
        async with aclosing(stored.read(piece.offset, piece.length)) as chunks:
            async for chunk in chunks:
                await writer.write(chunk)
