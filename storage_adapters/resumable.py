"""Objects that arrive in pieces: what a storage that takes them can do.

Knows: that pieces are kept, and become an object in one step. Refuses to know: where pieces come from, and which
are still missing.
"""

from abc import ABC, abstractmethod
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from storage_adapters.base import ObjectWriter


class PartialWriter(ObjectWriter, Protocol):
    """An object that is written in pieces: what was written stays, however the block ends."""

    @property
    def size(self) -> int:
        """Bytes that are kept so far."""
        ...

    async def truncate(self, size: int) -> None:
        """Drop what was kept beyond `size` bytes."""
        ...


class Resumable(ABC):
    """A storage that takes an object in pieces, over any number of calls and processes.

    What is kept of an object is no object: readers see it only once it is published. `delete` drops it too.
    """

    @abstractmethod
    async def partial_size(self, key: str) -> int:
        """How many bytes are kept of the object; 0 if none were ever written."""

    @abstractmethod
    def append(self, key: str) -> AbstractAsyncContextManager[PartialWriter]:
        """Write on behind what is kept; it is on disk when the block was left. One at a time:

        raises StorageUnavailable while another writes.
        """

    @abstractmethod
    async def publish(self, key: str) -> None:
        """Make what is kept the object, in one step. Raises ObjectNotFound if nothing is kept."""
