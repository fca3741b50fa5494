"""The in-memory adapter: objects in a dict, for tests and experiments.

An open object keeps its bytes if its key is replaced or deleted. All objects are lost when the process ends.
"""

import hashlib
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from storage_adapters.base import InvalidKey, Listable, ListedObject, ObjectNotFound, ObjectStat
from storage_adapters.resumable import Composing

CHUNK_SIZE = 64 * 1024
"""The largest chunk of a read in bytes: small, so that tests get several chunks."""


async def connect() -> "MemoryStorage":
    """Create an empty storage backend."""
    return MemoryStorage()


@dataclass(frozen=True, slots=True)
class MemoryObject:
    """One version of an object: its stat and its bytes."""

    stat: ObjectStat
    content: bytes

    async def read(self, offset: int, length: int) -> AsyncGenerator[bytes, None]:
        """Yield exactly these bytes (StoredObject.read)."""
        self.stat.require_inside(offset, length)
        for start in range(offset, offset + length, CHUNK_SIZE):
            yield self.content[start : min(start + CHUNK_SIZE, offset + length)]


@dataclass(slots=True)
class MemoryWriter:
    """An object being written (ObjectWriter)."""

    content: bytearray = field(default_factory=bytearray)

    async def write(self, data: bytes) -> None:
        self.content += data


class MemoryStorage(Composing, Listable):
    """A StorageAdapter over a dict from key to version."""

    def __init__(self) -> None:
        self._objects: dict[str, MemoryObject] = {}

    @asynccontextmanager
    async def open(self, key: str, expected: ObjectStat | None = None) -> AsyncGenerator[MemoryObject, None]:  # noqa: ARG002 - the protocol's parameter; measuring is free here
        """Pin the current version of the key."""
        stored = self._objects.get(key)
        if stored is None:
            raise ObjectNotFound(key, "nothing was put under this key")
        yield stored

    @asynccontextmanager
    async def create(self, key: str, *, content_type: str | None = None) -> AsyncGenerator[MemoryWriter, None]:
        """Write an object; it replaces the previous version in one step."""
        if not key:
            raise InvalidKey(key, "a key has at least one character")
        writer = MemoryWriter()
        yield writer
        self._objects[key] = measure(bytes(writer.content), content_type)

    async def list(self, prefix: str) -> AsyncIterator[ListedObject]:
        """Yield every object whose key starts with `prefix`, as it was when the listing began."""
        for key, stored in sorted(self._objects.items()):
            if key.startswith(prefix):
                stat = stored.stat
                yield ListedObject(key, stat.size, stat.etag, stat.last_modified)

    async def delete(self, key: str) -> None:
        """Remove the object; succeeds if there is none."""
        self._objects.pop(key, None)

    async def ping(self) -> None:
        """Always succeed."""

    async def close(self) -> None:
        """Remove all objects."""
        self._objects.clear()


def measure(content: bytes, content_type: str | None) -> MemoryObject:
    """A version of these bytes; its ETag is their SHA-256."""
    etag = hashlib.sha256(content).hexdigest()
    return MemoryObject(ObjectStat(len(content), etag, datetime.now(UTC), content_type), content)
