"""Uploads: what is promised, what arrives, and what it turns out to be.

Knows: the limits, when an object may appear, and how an upload is verified. Refuses to know: HTTP, SQL, and how a
storage works inside.

    promise   a pending media file, and a key made of ids alone
    receive   bytes into the storage; the object appears whole, and only while its media file is pending
    complete  every pending object is measured and read: it is what was promised, or the reason is told
"""

from collections.abc import AsyncIterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass
from typing import Final

from gateway.catalog import (
    IdempotencyKey,
    MediaFile,
    NewUpload,
    Owner,
    Publication,
    Recording,
    RecordingCatalog,
    RecordingStatus,
    UploadCatalog,
    UploadLimits,
    VerifiedUpload,
)
from gateway.errors import Conflict, Fault, Invalid, NotFound
from gateway.storage import Storage, storage_named
from gateway.uploads.verification import Verification
from storage_adapters.base import ObjectStat, StorageAdapter, Writable
from storage_adapters.part_uploads import PartUploads
from storage_adapters.resumable import Resumable

# How often a completion starts again because a file was uploaded once more meanwhile.
LOOKS: Final = 3


@dataclass(frozen=True, slots=True)
class Uploads:
    """The way in; new objects go to the storage `default`."""

    catalog: RecordingCatalog
    uploads: UploadCatalog
    storages: Mapping[str, Storage]
    default: Storage
    limits: UploadLimits
    verification: Verification

    async def promise(
        self, owner: Owner, recording_id: int, upload: NewUpload, key: IdempotencyKey | None = None
    ) -> MediaFile:
        """The pending media file; with a key, the same one for the same request again.

        Raises NotFound, Invalid if it breaks a limit, or Conflict if the key was used for something else, or for a file
        that is pending no longer or belongs to another storage than `upload` says.
        """
        if upload.size is not None and upload.size > self.max_file_bytes:
            text = f"A file has at most {self.max_file_bytes} bytes"
            raise Invalid((Fault("too_large", ("body", "file_size_bytes"), text, upload.size),))
        added = await self.uploads.add_upload(owner, recording_id, upload, self.limits, key)
        if added is None:
            raise NotFound("Recording not found")
        if added.storage != upload.storage:
            raise Conflict("The file was promised to a storage that takes no new files any more")
        return added

    async def find(self, owner: Owner, recording_id: int, media_file_id: int) -> MediaFile:
        """The media file while it is pending. Raises NotFound, Conflict when it is completed."""
        media = await self.catalog.find_media_file(owner, recording_id, media_file_id)
        if media is None:
            raise NotFound("Media file not found")
        if media.status != "pending":
            raise Conflict("The upload is completed")
        return media

    @property
    def max_file_bytes(self) -> int:
        """The largest file that is accepted."""
        return self.verification.max_file_bytes

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

    def require_resumable(self) -> None:
        """Raises Conflict if new objects cannot arrive in pieces."""
        if not isinstance(self.default.adapter, Resumable):
            raise Conflict("The storage takes no resumable uploads")

    async def arrived(self, owner: Owner, media: MediaFile) -> int:
        """How many bytes of it are there; what came in pieces is published once that is all of it.

        Raises NotFound, Conflict or StorageError.
        """
        if media.etag is not None and media.size is not None:
            return media.size
        kept = await self.resumable(media).partial_size(media.object_key)
        if kept == media.size:
            await self.publish(owner, media)
        return kept

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

    async def complete(
        self, owner: Owner, recording_id: int, status: RecordingStatus = "uploaded", *, only: int | None = None
    ) -> Recording:
        """The recording, when all that was promised for it is there; the same again if it was before.

        A pending recording becomes what `status` says. `only` is the one media file to look at.

        Raises NotFound, Invalid with the reason for each file that is not what was promised, Conflict if files
        keep being uploaded again, or StorageError.
        """
        for _ in range(LOOKS):
            recording = await self.find_recording(owner, recording_id)
            asked = [media for media in recording.media_files if only in {None, media.id}]
            pending = [media for media in asked if media.status == "pending"]
            if not pending and recording.media_files:
                return recording
            found = await self._verify_all(owner, pending)
            if await self.uploads.complete_uploads(owner, recording_id, found, self.limits, status):
                return await self.find_recording(owner, recording_id)
        raise Conflict("The files are being uploaded again")

    async def find_recording(self, owner: Owner, recording_id: int) -> Recording:
        """The recording. Raises NotFound."""
        recording = await self.catalog.find_recording(owner, recording_id)
        if recording is None:
            raise NotFound("Recording not found")
        return recording

    async def _verify_all(self, owner: Owner, pending: Sequence[MediaFile]) -> Sequence[VerifiedUpload]:
        if not pending:
            raise Invalid((Fault("missing", ("media",), "Nothing was uploaded for this recording", None),))
        looks = [await self._verify(owner, media) for media in pending]
        faults = tuple(look for look in looks if isinstance(look, Fault))
        if faults:
            raise Invalid(faults)
        return [look for look in looks if isinstance(look, VerifiedUpload)]

    async def _verify(self, owner: Owner, media: MediaFile) -> VerifiedUpload | Fault:
        adapter = self.adapter(media)
        if isinstance(adapter, Resumable):
            # The last piece may have come with a connection, or a gateway, that did not live to publish it.
            await self.arrived(owner, media)
        if isinstance(adapter, PartUploads) and media.etag is None and media.size is not None:
            await self._join(owner, media, media.size, adapter)
        return await self.verification.look(owner, media, adapter)

    async def _join(self, owner: Owner, media: MediaFile, size: int, adapter: PartUploads) -> None:
        """Make the object of the parts that the client sent to the storage, if it sent them."""
        async with self._held(owner, media) as publication:
            if await adapter.join_parts(media.object_key, size=size):
                await self._record(publication, media)
