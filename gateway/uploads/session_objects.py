"""Writes the objects of sessions: each chunk and each joined file gets a key of its own, and never changes.

An object is queued for deletion before it is written, and removed from the queue when it is recorded. If the process is
killed in between, the object is deleted.
"""

import hashlib
from collections.abc import AsyncIterable
from dataclasses import dataclass
from secrets import randbelow
from typing import Final

from gateway.catalog import UPLOADS_PREFIX, MediaFile, Owner, SessionUploads
from gateway.errors import Conflict
from gateway.uploads.joining.chunk_headers import FIRST_BYTES
from storage_adapters.base import StorageAdapter, Writable

# A body that takes longer than this to arrive is deleted, and is not recorded.
UNRECORDED_SECONDS: Final = 86_400.0
# Random digits after the media file's id make each key unique.
_DIGITS: Final = 24


@dataclass(frozen=True, slots=True)
class WrittenObject:
    """What was written: its size in bytes, its SHA-256, and its FIRST_BYTES."""

    size: int
    digest: bytes
    head: bytes


async def expect_object(catalog: SessionUploads, owner: Owner, media: MediaFile, adapter: StorageAdapter) -> str:
    """Choose a key for an object that is about to be written for the session, and queue the object for deletion.

    Raises Conflict if the adapter cannot write it: then it could not be deleted either.
    """
    require_writable(adapter)
    key = f"{UPLOADS_PREFIX}{owner.user_id}/{media.id}{randbelow(10**_DIGITS):0{_DIGITS}}"
    await catalog.expect_object(media.storage, key, seconds=UNRECORDED_SECONDS)
    return key


async def write_object(adapter: StorageAdapter, key: str, content: AsyncIterable[bytes]) -> WrittenObject:
    """Write the object; when this returns, it survives a power cut. Raises Conflict or StorageError."""
    digest, size, head = hashlib.sha256(), 0, b""
    async with require_writable(adapter).create(key) as writer:
        async for chunk in content:
            head += chunk[: FIRST_BYTES - len(head)]
            size += len(chunk)
            digest.update(chunk)
            await writer.write(chunk)
    return WrittenObject(size, digest.digest(), head)


def require_writable(adapter: StorageAdapter) -> Writable:
    """The adapter, if it can be written to; else raises Conflict."""
    if not isinstance(adapter, Writable):
        raise Conflict("The storage backend is read-only: it accepts no uploads")
    return adapter
