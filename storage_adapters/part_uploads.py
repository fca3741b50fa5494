"""Objects that clients send to the storage itself, in parts: what a storage that takes them can do.

Knows: parts by number, and that they become an object in one step. Refuses to know: who sends them.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from storage_adapters.base import PresignedUrl


@dataclass(frozen=True, slots=True)
class PresignedPart:
    """`size` bytes from `offset` on, and where they are sent to; `number` counts from 1, `uploaded` if they are there."""

    number: int
    offset: int
    size: int
    url: PresignedUrl
    uploaded: bool


class PartUploads(ABC):
    """A storage that takes large objects in parts, each by a URL of its own, in any order and any of them again.

    Parts are no object: readers see it once they are joined.
    """

    @abstractmethod
    async def presign_parts(
        self, key: str, *, size: int, content_type: str | None, expires_in_seconds: int | None = None
    ) -> Sequence[PresignedPart]:
        """Fresh URLs for all parts of an object of `size` bytes; none for one that is small enough for one request.

        What was sent before is kept: the parts of a key are the same for the same size.
        """

    @abstractmethod
    async def join_parts(self, key: str, *, size: int) -> bool:
        """Make the parts the object of `size` bytes, in one step; False and nothing done if one is missing or another."""

    @abstractmethod
    async def abort_parts(self, prefix: str, *, older_than_seconds: float) -> int:
        """Forget parts of keys with this prefix whose first URLs were made longer ago; of how many objects."""
