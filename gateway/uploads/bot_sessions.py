"""Sessions: what meeting bots send while they record, chunk by chunk, and when it is a recording.

Knows: the order of chunks, and that bots repeat the last one. Refuses to know: HTTP, SQL, and how an upload is
verified (gateway.uploads.media_uploads).

    chunk n is the next      it is kept behind the others, and counted
    it was there before      it is passed over: its answer was lost
    it is ahead              refused: the one before is missing
    it is the last           the file appears, is verified, and its recording is completed

A file that comes whole (chunk 0, the last) goes into any storage; more chunks than one need a Resumable one.
"""

from collections.abc import AsyncIterable
from contextlib import suppress
from dataclasses import dataclass

from gateway.catalog import MediaFile, MediaType, NewUpload, Owner, Recording, SessionUploads
from gateway.errors import Conflict
from gateway.uploads.media_uploads import Uploads
from storage_adapters.base import ObjectNotFound


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a session's audio or video: the `number`th from 0, and whether it is the last."""

    session_uid: str
    type: MediaType
    number: int
    is_last: bool


@dataclass(frozen=True, slots=True)
class Sessions:
    """Takes chunks in."""

    uploads: Uploads
    catalog: SessionUploads

    async def find(self, owner: Owner, chunk: Chunk) -> MediaFile:
        """The media file that the chunk belongs to, made with its recording if this is the first. Raises Invalid."""
        upload = NewUpload(chunk.type, self.uploads.default.name)
        return await self.catalog.ensure_session_upload(owner, chunk.session_uid, upload, self.uploads.limits)

    def room(self, media: MediaFile) -> int:
        """How many bytes may follow those that are kept."""
        return max(self.uploads.max_file_bytes - _progress(media)[1], 0)

    async def receive(self, owner: Owner, media: MediaFile, chunk: Chunk, body: AsyncIterable[bytes]) -> Recording:
        """The recording, with this chunk.

        Raises Conflict if it is not its turn, Invalid if the whole is not what it should be, or StorageError.
        """
        if media.status == "pending":
            await self._keep(owner, media, chunk, body)
        if not chunk.is_last:
            return await self.uploads.find_recording(owner, media.recording_id)
        return await self.uploads.complete(owner, media.recording_id, "completed", only=media.id)

    async def _keep(self, owner: Owner, media: MediaFile, chunk: Chunk, body: AsyncIterable[bytes]) -> None:
        if chunk.is_last and not chunk.number:
            await self.uploads.receive(owner, media, body)
            return
        chunks, size = _progress(media)
        if chunk.number > chunks:
            raise Conflict(f"Chunk {chunk.number} came, and {chunks} is the next")
        if chunk.number == chunks:
            await self._append(media, chunks, size, body)
        if chunk.is_last and media.etag is None:
            # Nothing is kept where it appeared already, and the gateway did not live to say so.
            with suppress(ObjectNotFound):
                await self.uploads.publish(owner, media)

    async def _append(self, media: MediaFile, chunks: int, size: int, body: AsyncIterable[bytes]) -> None:
        async with self.uploads.resumable(media).append(media.object_key) as writer:
            if writer.size < size:
                raise Conflict("Chunks that were kept are lost")
            # What lies beyond came with a connection that broke.
            await writer.truncate(size)
            async for piece in body:
                await writer.write(piece)
        await self.catalog.record_chunk(media.id, chunks=chunks + 1, size=writer.size)


def _progress(media: MediaFile) -> tuple[int, int]:
    """(chunks, bytes) that are kept of a pending file."""
    counted = media.metadata or {}
    return int(counted.get("chunks", 0)), int(counted.get("bytes", 0))
