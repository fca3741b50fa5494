"""Objects that clients send to the storage backend itself, in parts that become an object in one step."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from storage_adapters.base import PresignedUrl


@dataclass(frozen=True, slots=True)
class PresignedPart:
    """`size` bytes from `offset` on, and the URL to send them to; `number` counts from 1, `uploaded` if they have arrived."""

    number: int
    offset: int
    size: int
    url: PresignedUrl
    uploaded: bool


class PartUploads(ABC):
    """A storage backend that takes large objects in parts, each by a URL of its own, in any order and any of them again.

    Readers see the object only once its parts are joined.
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
