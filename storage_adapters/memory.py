"""Objects in a dict: the reference adapter, for tests and for trying things out.

An open object keeps its bytes, whatever happens to its key. Everything ends with the process.
"""

import hashlib
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from storage_adapters.base import InvalidKey, Listable, ListedObject, ObjectNotFound, ObjectStat
from storage_adapters.resumable import Composing

CHUNK_SIZE = 64 * 1024
"""Bytes that one step of a read yields at most: small, so that tests see several."""


async def connect() -> "MemoryStorage":
    """An empty storage."""
    return MemoryStorage()


@dataclass(frozen=True, slots=True)
class MemoryObject:
    """One version: its bytes and what they are called."""

    stat: ObjectStat
    content: bytes

    async def read(self, offset: int, length: int) -> AsyncGenerator[bytes, None]:
        """Yield exactly these bytes (StoredObject.read)."""
        if offset < 0 or length < 0 or offset + length > self.stat.size:
            raise ValueError(f"{length} bytes at {offset} are not inside {self.stat.size}")
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
        """Pin the version the key has now."""
        stored = self._objects.get(key)
        if stored is None:
            raise ObjectNotFound(key, "nothing was put under this key")
        yield stored

    @asynccontextmanager
    async def create(self, key: str, *, content_type: str | None = None) -> AsyncGenerator[MemoryWriter, None]:
        """Write an object; it replaces the version of before in one step."""
        if not key:
            raise InvalidKey(key, "a key has at least one character")
        writer = MemoryWriter()
        yield writer
        self._objects[key] = measure(bytes(writer.content), content_type)

    async def list(self, prefix: str) -> AsyncIterator[ListedObject]:
        """Every object whose key starts with `prefix`, as it was when the listing began."""
        for key, stored in sorted(self._objects.items()):
            if key.startswith(prefix):
                stat = stored.stat
                yield ListedObject(key, stat.size, stat.etag, stat.last_modified)

    async def delete(self, key: str) -> None:
        """Forget the key."""
        self._objects.pop(key, None)

    async def ping(self) -> None:
        """Return: memory is always there."""

    async def close(self) -> None:
        """Forget everything."""
        self._objects.clear()


def measure(content: bytes, content_type: str | None) -> MemoryObject:
    """A version of these bytes; its entity tag is their hash."""
    etag = hashlib.sha256(content).hexdigest()
    return MemoryObject(ObjectStat(len(content), etag, datetime.now(UTC), content_type), content)
