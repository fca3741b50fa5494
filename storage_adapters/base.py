"""The interfaces of storage backends: versions of objects, read by offset and length.

A backend never gets HTTP's `first-last`, but `offset, length` (bytes, both >= 0). `open` pins one version of one
object: every byte read through the result belongs to the version that `stat` describes, or the read raises.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol


class ObjectStat(NamedTuple):
    """One version of one object.

    `size` is in bytes; `etag` is a strong validator without quotes (RFC 9110 section 8.8.1); `last_modified` is in UTC.
    """

    size: int
    etag: str
    last_modified: datetime
    content_type: str | None = None

    def require_inside(self, offset: int, length: int) -> None:
        """Raise ValueError unless the object contains these bytes."""
        if offset < 0 or length < 0 or offset + length > self.size:
            raise ValueError(f"{length} bytes at {offset} are not inside {self.size}")


@dataclass(frozen=True, slots=True)
class ListedObject:
    """One entry of a listing; `etag` is empty if the backend lists no strong one."""

    key: str
    size: int
    etag: str
    last_modified: datetime


class FilePiece(NamedTuple):
    """`length` bytes at `offset` of the open descriptor `fd`, for the kernel to send.

    It is valid while its stored object is open, and until another piece of that object is requested. It may be shorter
    than requested; the caller then requests the rest.
    """

    fd: int
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class PresignedUrl:
    """A URL that is its own authorization until `expires_at`; clients must send `headers` with it."""

    url: str
    expires_at: datetime
    headers: tuple[tuple[str, str], ...] = ()


class StoredObject(Protocol):
    """One version of one object, open for reading."""

    @property
    def stat(self) -> ObjectStat: ...

    def read(self, offset: int, length: int) -> AsyncGenerator[bytes, None]:
        """Yield exactly `length` bytes from `offset`, in non-empty chunks, or raise StorageError.

        The span must be inside the object (ValueError). Close the generator to release its resources early.
        """


class ObjectWriter(Protocol):
    """An object being written; readers see it only after the `create` block has ended without an error."""

    async def write(self, data: bytes) -> None: ...


class ReadableObjects(Protocol):
    """Objects by key, which can be opened."""

    def open(self, key: str, expected: ObjectStat | None = None) -> AbstractAsyncContextManager[StoredObject]:
        """Pin one version of the object.

        An adapter that can require the version in every read (S3, by If-Match) uses `expected` as the stat; a read then
        raises ObjectChanged if it is out of date. An adapter that measures without a request ignores `expected`.

        Raises ObjectNotFound, InvalidKey, AccessDenied or StorageUnavailable.
        """


class StorageAdapter(ReadableObjects, Protocol):
    """Objects by key. Safe to use from many tasks of one event loop."""

    async def delete(self, key: str) -> None:
        """Remove the object; succeeds if there is none. Raises StorageError."""

    async def ping(self) -> None:
        """Raise StorageError if the storage backend cannot be used now."""

    async def close(self) -> None:
        """Close descriptors and connections."""


class ZeroCopy(ABC):
    """A stored object whose bytes are in files, which the kernel can send without copying them through Python."""

    @abstractmethod
    def file_piece(self, offset: int, length: int) -> FilePiece | None:
        """The file piece that starts at `offset`, at most `length` long; None if no file contains it.

        Raises ObjectChanged if the object is no longer the version that was opened.
        """


class OpenObject(Protocol):
    """One version of one object, which is completely or partly in open files."""

    @property
    def stat(self) -> ObjectStat: ...

    def find_piece(self, offset: int, length: int) -> FilePiece | None:
        """These bytes (inside the object) as one piece of an open file; None if no single file contains them."""


class OpenObjectCache(ABC):
    """A storage backend that keeps objects open between their readers."""

    @abstractmethod
    def find_open(self, key: str) -> OpenObject | None:
        """The object's current version if it is open already, else None; one version is always the same OpenObject.

        The result and its pieces are valid until the caller awaits anything.
        """


class Presigning(ABC):
    """A storage backend that creates presigned URLs."""

    @abstractmethod
    async def presign_get(self, key: str, *, content_type: str | None, content_disposition: str | None) -> PresignedUrl:
        """A URL that reads the object, with these response headers; the backend's options set its lifetime."""

    @abstractmethod
    async def presign_put(
        self, key: str, *, content_type: str | None, size: int | None, expires_in_seconds: int
    ) -> PresignedUrl:
        """A URL that writes the object in one PUT, of exactly `size` bytes if given; refused if the object exists."""


class Writable(ABC):
    """A storage backend that can be written to."""

    @abstractmethod
    def create(self, key: str, *, content_type: str | None = None) -> AbstractAsyncContextManager[ObjectWriter]:
        """Write an object. It becomes visible, complete, when the block ends; never if the block raises."""


class BatchDeleting(ABC):
    """A storage backend that removes many objects in one request."""

    @abstractmethod
    async def delete_many(self, keys: Iterable[str]) -> "dict[str, StorageError]":
        """Remove these objects; return the error for each key that could not be removed. Absent ones count as removed."""


class Listable(ABC):
    """A storage backend whose keys can be enumerated."""

    @abstractmethod
    def list(self, prefix: str) -> AsyncIterator[ListedObject]:
        """Yield every object whose key starts with `prefix`, in key order."""


class StorageError(Exception):
    """A storage backend failed. `key` names the object; the text is for the log, never for a client."""

    def __init__(self, key: str, reason: str) -> None:
        super().__init__(f"{key!r}: {reason}")
        self.key = key
        self.reason = reason


class ObjectNotFound(StorageError):
    """No object has this key."""


class InvalidKey(ObjectNotFound):
    """No object can ever have this key here: it is malformed, leaves the root, or names no regular file."""


class ObjectChanged(StorageError):
    """The object is no longer the version that was opened."""


class ObjectArchived(StorageError):
    """The object is archived: it can be read only after its owner has restored it, which takes hours."""


class AccessDenied(StorageError):
    """The storage backend refuses our credentials, or is configured so that it cannot be used."""


class StorageUnavailable(StorageError):
    """The storage backend does not answer, or not properly; the same call may succeed later."""


class StorageFull(StorageUnavailable):
    """No space is left, or the quota is used up."""
