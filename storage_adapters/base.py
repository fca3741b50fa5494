"""What a storage backend is: versions of objects, read by offset and length.

A backend never sees HTTP's `first-last`; it sees `offset, length` (bytes, both >= 0). `open` pins one version of one
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

    `size` is in bytes; `etag` is a strong validator without its quotes (RFC 9110 section 8.8.1); `last_modified` is in UTC.
    """

    size: int
    etag: str
    last_modified: datetime
    content_type: str | None = None


@dataclass(frozen=True, slots=True)
class ListedObject:
    """One entry of a listing: enough to decide whether to look closer."""

    key: str
    size: int
    etag: str
    last_modified: datetime


class FilePiece(NamedTuple):
    """`length` bytes at `offset` of the open descriptor `fd`, for the kernel to send.

    Valid while the stored object it came from is open, and until another piece is asked of that. May be shorter
    than what was asked for; the caller asks again for the rest.
    """

    fd: int
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class PresignedUrl:
    """A URL that carries its own permission until `expires_at`; `headers` must be sent with it."""

    url: str
    expires_at: datetime
    headers: tuple[tuple[str, str], ...] = ()


class StoredObject(Protocol):
    """One version of one object, open for reading."""

    @property
    def stat(self) -> ObjectStat: ...

    def read(self, offset: int, length: int) -> AsyncGenerator[bytes, None]:
        """Yield exactly `length` bytes from `offset`, in non-empty chunks, or raise StorageError.

        The span must be inside the object (ValueError). Close the generator to give its resources back early.
        """
        ...


class ObjectWriter(Protocol):
    """An object being written; it exists for readers only after `create` was left without error."""

    async def write(self, data: bytes) -> None: ...


class ReadableObjects(Protocol):
    """Objects by key, which can be opened."""

    def open(self, key: str, expected: ObjectStat | None = None) -> AbstractAsyncContextManager[StoredObject]:
        """Pin one version of the object.

        An adapter that can hold every later read to the version that the caller `expected` (S3, by If-Match) takes it as the
        stat; a read then raises ObjectChanged if it was out of date. An adapter that measures without a request ignores it.

        Raises ObjectNotFound, InvalidKey, AccessDenied or StorageUnavailable.
        """
        ...


class StorageAdapter(ReadableObjects, Protocol):
    """Objects by key. Safe to use from many tasks of one event loop."""

    async def delete(self, key: str) -> None:
        """Remove the object; an absent one is already deleted. Raises StorageError."""
        ...

    async def ping(self) -> None:
        """Return if the storage can be used now, else raise StorageError."""
        ...

    async def close(self) -> None:
        """Give back descriptors and connections."""
        ...


class ZeroCopy(ABC):
    """A stored object whose bytes are in files, which the kernel can send without copying them through Python."""

    @abstractmethod
    def file_piece(self, offset: int, length: int) -> FilePiece | None:
        """The file piece that starts at `offset`, at most `length` long; None where there is none.

        Raises ObjectChanged if the object is no longer the version that was opened.
        """


class KeptObject(Protocol):
    """One version of one object, of which all or some is in open files."""

    @property
    def stat(self) -> ObjectStat: ...

    def piece_at_hand(self, offset: int, length: int) -> FilePiece | None:
        """These bytes (inside the object) as one piece of an open file; None if no single file contains them."""
        ...


class Keeping(ABC):
    """A storage backend that keeps objects open between their readers."""

    @abstractmethod
    def at_hand(self, key: str) -> KeptObject | None:
        """The object as it is now, if it is open already: the same one for the same version.

        It and its pieces are good until something is awaited.
        """


class Presigning(ABC):
    """A storage backend that can hand out URLs of its own; without `expires_in_seconds` they live as long as its options say."""

    @abstractmethod
    async def presign_get(
        self,
        key: str,
        *,
        content_type: str | None,
        content_disposition: str | None,
        expires_in_seconds: int | None = None,
    ) -> PresignedUrl:
        """A URL that reads the object, with these response headers."""

    @abstractmethod
    async def presign_put(
        self, key: str, *, content_type: str | None, size: int | None = None, expires_in_seconds: int | None = None
    ) -> PresignedUrl:
        """A URL that writes the object in one PUT, of `size` bytes if that is given, unless the key has one already."""


class Writable(ABC):
    """A storage backend that can be written to."""

    @abstractmethod
    def create(self, key: str, *, content_type: str | None = None) -> AbstractAsyncContextManager[ObjectWriter]:
        """Write an object: it appears whole when the block ends well, and not at all when it raises."""


class BatchDeleting(ABC):
    """A storage backend that removes many objects in one request."""

    @abstractmethod
    async def delete_many(self, keys: Iterable[str]) -> "dict[str, StorageError]":
        """Remove these objects; what could not be removed, by key. Absent ones are already deleted."""


class Listable(ABC):
    """A storage backend whose keys can be enumerated."""

    @abstractmethod
    def list(self, prefix: str) -> AsyncIterator[ListedObject]:
        """Every object whose key starts with `prefix`, in key order."""


class StorageError(Exception):
    """Trouble with bytes at rest. `key` names the object; the text is for the log, never for a client."""

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
    """The object is in an archive: it can be read once its owner has restored it, which takes hours."""


class AccessDenied(StorageError):
    """The storage backend refuses our credentials, or is configured so that it cannot be used."""


class StorageUnavailable(StorageError):
    """The storage backend does not answer, or not properly; the same call may succeed later."""


class StorageFull(StorageUnavailable):
    """There is no space left for what is written, or no quota."""
