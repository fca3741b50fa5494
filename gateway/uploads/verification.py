"""What was uploaded, compared with what was promised.

Knows: that nothing a client says of a file is believed: type, format and duration are found by reading it.
Refuses to know: catalogues, and how the file arrived.
"""

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import Final

from gateway.catalog import MediaFile, VerifiedUpload
from gateway.errors import Fault
from gateway.media.formats import NotMedia
from gateway.media.object_file import read_in_thread
from gateway.media.probe import Probe, probe
from gateway.protocol.ids import encode_id
from storage_adapters.base import ObjectNotFound, ObjectStat, StorageAdapter, StoredObject

# An object is read to its end only to count its length, and only if it is no larger than this.
COUNTED_BYTES: Final = 64 * 1024 * 1024
# Threads that read objects wait for other threads that read files: most of the pool has to stay free for those.
READERS: Final = 2


@dataclass(frozen=True, slots=True)
class Verification:
    """Looks at pending media files; `max_file_bytes` is the largest that is accepted, `readers` has READERS places."""

    max_file_bytes: int
    readers: asyncio.Semaphore

    async def look(self, media: MediaFile, adapter: StorageAdapter) -> VerifiedUpload | Fault:
        """What was found under the media file's key, or why it is not what was promised. Raises StorageError."""
        try:
            async with adapter.open(media.object_key) as stored:
                if fault := self._size_fault(media, stored.stat.size):
                    return fault
                found = await self.examine(stored)
        except ObjectNotFound:
            return _fault(media, "upload_url", "It was not uploaded")
        except NotMedia as error:
            return _fault(media, "type", f"It is no {media.type}: {error}")
        if found.type != media.type:
            return _fault(media, "type", f"It is no {media.type} but {found.type} ({found.content_type})")
        return verified(media, stored.stat, found)

    async def examine(self, stored: StoredObject) -> Probe:
        """What the object is. Raises NotMedia or StorageError."""
        look = partial(probe, to_the_end=stored.stat.size <= COUNTED_BYTES)
        async with self.readers:
            return await read_in_thread(stored, look)

    def _size_fault(self, media: MediaFile, size: int) -> Fault | None:
        if media.size is not None and size != media.size:
            return _fault(media, "file_size_bytes", f"It has {size} bytes, and {media.size} were promised")
        if size > self.max_file_bytes:
            return _fault(
                media, "file_size_bytes", f"It has {size} bytes, and a file has at most {self.max_file_bytes}"
            )
        return None


def _fault(media: MediaFile, field: str, text: str) -> Fault:
    return Fault("upload", ("media", encode_id("med", media.id), field), text, None)


def verified(media: MediaFile, stat: ObjectStat, found: Probe) -> VerifiedUpload:
    """The pending media file as it was found."""
    return VerifiedUpload(
        media_file_id=media.id,
        expected_etag=media.etag,
        type=found.type,
        format=found.format,
        content_type=found.content_type,
        size=stat.size,
        etag=stat.etag,
        object_modified_at=stat.last_modified,
        duration_seconds=found.duration_seconds,
        metadata=found.metadata,
    )
