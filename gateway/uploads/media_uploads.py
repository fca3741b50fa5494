"""Receives uploads: a client announces a file, which becomes a pending media file; one writer at a time stores its object.

The object becomes visible only once it is complete, and only while its media file is pending. `completion` verifies it.
"""

from collections.abc import AsyncGenerator, AsyncIterable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import partial
from typing import Final

from gateway.catalog import (
    IdempotencyKey,
    MediaFile,
    NewUpload,
    Owner,
    Publication,
    Recording,
    RecordingCatalog,
    UploadCatalog,
    UploadLimits,
    UploadReservations,
    UploadWriters,
)
from gateway.errors import Busy, Conflict, Fault, Invalid, Refusal, require
from gateway.storage import Storage, storage_named
from gateway.uploads.leases import extended
from gateway.uploads.quota import counted
from gateway.uploads.session_objects import require_writable
from gateway.uploads.verification import Verification
from storage_adapters.base import ObjectStat, StorageAdapter
from storage_adapters.resumable import Resumable

WRITER_LEASE_SECONDS: Final = 15.0
_BUSY_RETRY_SECONDS: Final = 2


@dataclass(frozen=True, slots=True)
class WritingTurn:
    """The right of one writer to write a pending media file; `media` is the file as it was when the turn began."""

    owner: Owner
    media: MediaFile
    writer: int


@dataclass(frozen=True, slots=True)
class Uploads:
    """Promises, receives and publishes uploads. New objects are stored in the storage backend `default`."""

    catalog: RecordingCatalog
    pending: UploadCatalog
    writers: UploadWriters
    reservations: UploadReservations
    storages: Mapping[str, Storage]
    default: Storage
    limits: UploadLimits
    verification: Verification

    async def promise(
        self, owner: Owner, recording_id: int, upload: NewUpload, key: IdempotencyKey | None = None
    ) -> MediaFile:
        """Create a pending media file; with a key, repeating the same request returns the same file.

        Raises NotFound, Invalid if the file breaks a limit, or Conflict if the key was used for another request, or for
        a file that is no longer pending or belongs to another storage backend than `upload` says, or if the default is
        read-only.
        """
        require_writable(self.default.adapter)
        if upload.size is not None and upload.size > self.max_file_bytes:
            text = f"A file may have at most {self.max_file_bytes} bytes"
            raise Invalid(Fault("too_large", ("body", "file_size_bytes"), text, upload.size))
        added = require(await self.pending.add_upload(owner, recording_id, upload, self.limits, key), "Recording")
        if added.storage != upload.storage:
            raise Conflict("The file was promised to a storage backend that no longer accepts new files")
        return added

    async def find(self, owner: Owner, recording_id: int, media_file_id: int) -> MediaFile:
        """The pending media file. Raises NotFound, or Conflict if its upload is completed."""
        media = require(await self.catalog.find_media_file(owner, recording_id, media_file_id), "Media file")
        if media.status != "pending":
            raise Conflict("The upload is completed")
        return media

    @property
    def max_file_bytes(self) -> int:
        """The largest file that is accepted."""
        return self.verification.max_file_bytes

    def max_bytes(self, media: MediaFile) -> int:
        """How many bytes may arrive for this media file."""
        return self.max_file_bytes if media.size is None else media.size

    def adapter(self, media: MediaFile) -> StorageAdapter:
        """The adapter of the media file's storage backend. Raises StorageUnavailable if it is not configured."""
        return storage_named(self.storages, media.storage, media.object_key).adapter

    def resumable(self, media: MediaFile) -> Resumable:
        """The media file's adapter. Raises Conflict if it does not accept objects in pieces."""
        adapter = self.adapter(media)
        if not isinstance(adapter, Resumable):
            raise Conflict("The storage backend accepts no resumable uploads")
        return adapter

    @property
    def is_resumable(self) -> bool:
        """Whether new objects can arrive in pieces."""
        return isinstance(self.default.adapter, Resumable)

    async def stored_bytes(self, media: MediaFile) -> int:
        """How many bytes of a promised file are stored. Raises Conflict or StorageError."""
        if media.etag is not None and media.size is not None:
            return media.size
        return await self.resumable(media).partial_size(media.object_key)

    async def publish_if_complete(self, owner: Owner, media: MediaFile) -> None:
        """Publish the object if all its pieces have arrived: the request that sent the last one may have died.

        Raises Busy while another request writes it, NotFound, Conflict or StorageError.
        """
        if media.etag is None and await self.stored_bytes(media) == media.size:
            async with self.writing(owner, media) as turn:
                await self.publish(turn)

    @asynccontextmanager
    async def writing(self, owner: Owner, media: MediaFile) -> AsyncGenerator[WritingTurn]:
        """Hold the writing turn of the media file while the block runs.

        Raises Busy while another request writes it, NotFound, or Conflict if its upload is completed.
        """
        writer = await self.writers.begin_writing(media.id, lease_seconds=WRITER_LEASE_SECONDS)
        if writer is None:
            raise Busy("Another request is sending this file", _BUSY_RETRY_SECONDS)
        extend = partial(self.writers.extend_writing, media.id, writer, lease_seconds=WRITER_LEASE_SECONDS)
        try:
            async with extended(extend, WRITER_LEASE_SECONDS):
                yield WritingTurn(owner, await self.find(owner, media.recording_id, media.id), writer)
        finally:
            with suppress(Refusal):
                await self.writers.end_writing(media.id, writer)

    async def receive(
        self, turn: WritingTurn, chunks: AsyncIterable[bytes], *, expected: int | None = None
    ) -> ObjectStat:
        """Write the object, which replaces one that was uploaded before; `expected` is its number of bytes, if known.

        If `chunks` raises, nothing is stored. Raises NotFound, Conflict, Busy if the lease was lost, Invalid if the
        account would hold too much, or StorageError.
        """
        media = turn.media
        adapter = require_writable(self.adapter(media))
        async with adapter.create(media.object_key, content_type=media.content_type) as writer:
            size = 0
            async with self._counted(turn, chunks, expected) as counted_chunks:
                async for chunk in counted_chunks:
                    size += len(chunk)
                    await writer.write(chunk)
            await self.writers.record_stored(turn.owner, media.id, size, self.limits)
            publication = await self.begin_publishing(turn)
        return await self.record(turn, publication)

    def _counted(
        self, turn: WritingTurn, chunks: AsyncIterable[bytes], expected: int | None
    ) -> AbstractAsyncContextManager[AsyncIterable[bytes]]:
        if turn.media.size is not None:  # counted when the file was promised
            return nullcontext(chunks)
        return counted(chunks, self.reservations, turn.owner, self.limits, expected=expected, replaces=turn.media.id)

    async def publish(self, turn: WritingTurn) -> ObjectStat:
        """Publish the object from its received pieces. Raises NotFound, Conflict, Busy or StorageError."""
        publication = await self.begin_publishing(turn)
        await self.resumable(turn.media).publish(turn.media.object_key)
        return await self.record(turn, publication)

    async def begin_publishing(self, turn: WritingTurn) -> Publication:
        """Block completion, immediately before the object is published. Raises NotFound, Conflict or Busy."""
        return await self.writers.begin_publishing(
            turn.owner, turn.media, turn.writer, lease_seconds=WRITER_LEASE_SECONDS
        )

    async def record(self, turn: WritingTurn, publication: Publication) -> ObjectStat:
        """Record which version of the object was published. Raises NotFound, Conflict or StorageError."""
        async with self.adapter(turn.media).open(turn.media.object_key) as stored:
            stat = stored.stat
        await self.writers.record_publication(
            turn.media, publication, etag=stat.etag, object_modified_at=stat.last_modified
        )
        return stat

    async def find_recording(self, owner: Owner, recording_id: int) -> Recording:
        """The recording. Raises NotFound."""
        return require(await self.catalog.find_recording(owner, recording_id), "Recording")
