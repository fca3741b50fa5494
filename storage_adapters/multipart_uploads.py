"""The interface for objects that clients upload to the storage backend directly, in parts."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from storage_adapters.base import PresignedUrl


@dataclass(frozen=True, slots=True)
class PresignedPart:
    """One part: `size` bytes from `offset`, and the URL to send them to.

    `number` counts from 1; `uploaded` says whether the part has arrived.
    """

    number: int
    offset: int
    size: int
    url: PresignedUrl
    uploaded: bool


class MultipartUploads(ABC):
    """A storage backend that accepts large objects in parts, each with its own presigned URL.

    Clients may send parts in any order and repeat them. Readers see the object only once its parts are joined.
    """

    @abstractmethod
    async def presign_parts(
        self, key: str, *, size: int, content_type: str | None, expires_in_seconds: int | None = None
    ) -> Sequence[PresignedPart]:
        """New URLs for all parts of an object of `size` bytes; none if the object is small enough for one request.

        Parts that were sent before are kept, because the same key and size always give the same parts.
        """

    @abstractmethod
    async def join_parts(self, key: str, *, size: int) -> bool:
        """Join the parts into the object of `size` bytes, in one step.

        If a part is missing or has another size, nothing is done and False is returned.
        """

    @abstractmethod
    async def abort_parts(self, prefix: str, *, older_than_seconds: float) -> int:
        """Remove the parts below this prefix whose first URL is older; return the number of objects they were for."""
