"""Objects of sessions: each chunk, and each joined file, is stored once under a key of its own and never changes.

An object is queued for deletion before it is written, and taken out of the queue when it is recorded: one that a killed
process left is deleted.
"""

import hashlib
from collections.abc import AsyncIterable
from dataclasses import dataclass
from secrets import randbelow
from typing import Final

from gateway.catalog import UPLOADS_PREFIX, MediaFile, Owner, SessionUploads
from gateway.errors import Conflict
from gateway.uploads.chunk_headers import FIRST_BYTES
from storage_adapters.base import StorageAdapter, Writable

# A body that arrives this slowly is not recorded any more.
UNRECORDED_SECONDS: Final = 86_400.0
# What follows the media file's id in a key: never the same twice.
_DIGITS: Final = 24


@dataclass(frozen=True, slots=True)
class WrittenObject:
    """What was written: how much, its SHA-256, and its first bytes."""

    size: int
    digest: bytes
    head: bytes


async def expect_object(catalog: SessionUploads, owner: Owner, media: MediaFile) -> str:
    """The key of an object that is about to be written for the session's file."""
    key = f"{UPLOADS_PREFIX}{owner.user_id}/{media.id}{randbelow(10**_DIGITS):0{_DIGITS}}"
    await catalog.expect_object(media.storage, key, seconds=UNRECORDED_SECONDS)
    return key


async def write_object(adapter: StorageAdapter, key: str, content: AsyncIterable[bytes]) -> WrittenObject:
    """Write the object; when this returns, it outlives a power cut. Raises Conflict or StorageError."""
    if not isinstance(adapter, Writable):
        raise Conflict("The storage takes no uploads through the gateway")
    digest, size, head = hashlib.sha256(), 0, b""
    async with adapter.create(key) as writer:
        async for chunk in content:
            head += chunk[: FIRST_BYTES - len(head)]
            size += len(chunk)
            digest.update(chunk)
            await writer.write(chunk)
    return WrittenObject(size, digest.digest(), head)
