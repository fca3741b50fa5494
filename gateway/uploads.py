"""Uploads: what is promised, what arrives, and what it turns out to be.

Knows: the limits, when an object may appear, and how an upload is verified. Refuses to know: HTTP, SQL, and how a
storage works inside.

    promise   a pending media file, and a key made of ids alone
    receive   bytes into the storage; the object appears whole, and only while its media file is pending
    complete  every pending object is measured and read: it is what was promised, or the reason is told

Nothing that a client says of a file is believed: type, format and duration are found by reading it.
"""

import asyncio
from collections.abc import AsyncIterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import Final

from gateway.catalog import (
    MediaFile,
    NewUpload,
    Owner,
    Publication,
    Recording,
    RecordingCatalog,
    UploadCatalog,
    UploadLimits,
    VerifiedUpload,
)
from gateway.errors import Conflict, Fault, Invalid, NotFound
from gateway.formats import NotMedia
from gateway.object_file import read_in_thread
from gateway.probe import Probe, probe
from gateway.protocol.ids import encode_id
from gateway.storage import Storage, storage_named
from storage_adapters.base import ObjectNotFound, ObjectStat, StorageAdapter, StoredObject, Writable
from storage_adapters.resumable import Resumable

# An object is read to its end only to count its length, and only if it is no larger than this.
COUNTED_BYTES: Final = 64 * 1024 * 1024
# Threads that read objects wait for other threads that read files: most of the pool has to stay free for those.
READERS: Final = 2
# How often a completion starts again because a file was uploaded once more meanwhile.
LOOKS: Final = 3


@dataclass(frozen=True, slots=True)
class Uploads:
    """The way in. `max_file_bytes` is the largest object that is accepted; `default` is where new ones go."""

    catalog: RecordingCatalog
    uploads: UploadCatalog
    storages: Mapping[str, Storage]
    default: Storage
    limits: UploadLimits
    max_file_bytes: int
    readers: asyncio.Semaphore

    async def promise(self, owner: Owner, recording_id: int, upload: NewUpload) -> MediaFile:
        """The pending media file. Raises NotFound, or Invalid if it breaks a limit."""
        if upload.size is not None and upload.size > self.max_file_bytes:
            text = f"A file has at most {self.max_file_bytes} bytes"
            raise Invalid((Fault("too_large", ("body", "file_size_bytes"), text, upload.size),))
        added = await self.uploads.add_upload(owner, recording_id, upload, self.limits)
        if added is None:
            raise NotFound("Recording not found")
        return added

    async def find(self, owner: Owner, recording_id: int, media_file_id: int) -> MediaFile:
        """The media file while it is pending. Raises NotFound, Conflict when it is completed."""
        media = await self.catalog.find_media_file(owner, recording_id, media_file_id)
        if media is None:
            raise NotFound("Media file not found")
        if media.status != "pending":
            raise Conflict("The upload is completed")
        return media

    def largest(self, media: MediaFile) -> int:
        """How many bytes may arrive for it."""
        return self.max_file_bytes if media.size is None else media.size

    def adapter(self, media: MediaFile) -> StorageAdapter:
        """The storage that the media file goes to. Raises StorageUnavailable if it is not configured."""
        return storage_named(self.storages, media.storage, media.object_key).adapter

    def resumable(self, media: MediaFile) -> Resumable:
        """The same, if it takes objects in pieces. Raises Conflict if not."""
        adapter = self.adapter(media)
        if not isinstance(adapter, Resumable):
            raise Conflict("The storage takes no resumable uploads")
        return adapter

    async def receive(self, owner: Owner, media: MediaFile, chunks: AsyncIterable[bytes]) -> ObjectStat:
        """Write the object from its bytes; it replaces what was uploaded before.

        Whatever `chunks` raises leaves nothing. Raises NotFound, Conflict or StorageError.
        """
        adapter = self.adapter(media)
        if not isinstance(adapter, Writable):
            raise Conflict("The storage takes no uploads through the gateway")
        async with AsyncExitStack() as stack:
            async with adapter.create(media.object_key, content_type=media.content_type) as writer:
                async for chunk in chunks:
                    await writer.write(chunk)
                # Entered last and left after the object appeared: a deletion or completion waits for us, or was first.
                publication = await stack.enter_async_context(self._held(owner, media))
            return await self._record(publication, media)

    async def publish(self, owner: Owner, media: MediaFile) -> ObjectStat:
        """Make the object appear from what was received of it in pieces. Raises NotFound, Conflict or StorageError."""
        async with self._held(owner, media) as publication:
            await self.resumable(media).publish(media.object_key)
            return await self._record(publication, media)

    def _held(self, owner: Owner, media: MediaFile) -> AbstractAsyncContextManager[Publication]:
        return self.uploads.publishing(owner, media.recording_id, media.id)

    async def _record(self, publication: Publication, media: MediaFile) -> ObjectStat:
        async with self.adapter(media).open(media.object_key) as stored:
            stat = stored.stat
        await publication.record(etag=stat.etag, object_modified_at=stat.last_modified)
        return stat

    async def complete(self, owner: Owner, recording_id: int) -> Recording:
        """The recording, when all that was promised for it is there; the same again if it was before.

        Raises NotFound, Invalid with the reason for each file that is not what was promised, Conflict if files
        keep being uploaded again, or StorageError.
        """
        for _ in range(LOOKS):
            recording = await self._find_recording(owner, recording_id)
            pending = [media for media in recording.media_files if media.status == "pending"]
            if not pending and recording.media_files:
                return recording
            found = await self._verify_all(pending)
            if await self.uploads.complete_uploads(owner, recording_id, found, self.limits):
                return await self._find_recording(owner, recording_id)
        raise Conflict("The files are being uploaded again")

    async def _find_recording(self, owner: Owner, recording_id: int) -> Recording:
        recording = await self.catalog.find_recording(owner, recording_id)
        if recording is None:
            raise NotFound("Recording not found")
        return recording

    async def _verify_all(self, pending: Sequence[MediaFile]) -> Sequence[VerifiedUpload]:
        if not pending:
            raise Invalid((Fault("missing", ("media",), "Nothing was uploaded for this recording", None),))
        looks = [await self._verify(media) for media in pending]
        faults = tuple(look for look in looks if isinstance(look, Fault))
        if faults:
            raise Invalid(faults)
        return [look for look in looks if isinstance(look, VerifiedUpload)]

    async def _verify(self, media: MediaFile) -> VerifiedUpload | Fault:
        try:
            async with self.adapter(media).open(media.object_key) as stored:
                if fault := self._size_fault(media, stored.stat.size):
                    return fault
                found = await self._probe(stored)
        except ObjectNotFound:
            return _fault(media, "upload_url", "It was not uploaded")
        except NotMedia as error:
            return _fault(media, "type", f"It is no {media.type}: {error}")
        if found.type != media.type:
            return _fault(media, "type", f"It is no {media.type} but {found.type} ({found.content_type})")
        return _verified(media, stored.stat, found)

    def _size_fault(self, media: MediaFile, size: int) -> Fault | None:
        if media.size is not None and size != media.size:
            return _fault(media, "file_size_bytes", f"It has {size} bytes, and {media.size} were promised")
        if size > self.max_file_bytes:
            return _fault(
                media, "file_size_bytes", f"It has {size} bytes, and a file has at most {self.max_file_bytes}"
            )
        return None

    async def _probe(self, stored: StoredObject) -> Probe:
        look = partial(probe, to_the_end=stored.stat.size <= COUNTED_BYTES)
        async with self.readers:
            return await read_in_thread(stored, look)


def _fault(media: MediaFile, field: str, text: str) -> Fault:
    return Fault("upload", ("media", encode_id("med", media.id), field), text, None)


def _verified(media: MediaFile, stat: ObjectStat, found: Probe) -> VerifiedUpload:
    return VerifiedUpload(
        media_file_id=media.id,
        expected_etag=media.etag,
        format=found.format,
        content_type=found.content_type,
        size=stat.size,
        etag=stat.etag,
        object_modified_at=stat.last_modified,
        duration_seconds=found.duration_seconds,
        metadata=found.metadata,
    )
