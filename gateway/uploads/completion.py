"""Completes uploads: measures and reads each pending object, and accepts it or says why it is not what was promised.

A pending file that never received a byte does not block the others: it is removed, and its id is reported.
"""

import asyncio
import logging
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from gateway.catalog import MediaFile, Owner, Recording, VerifiedUpload
from gateway.errors import Conflict, Fault, Invalid
from gateway.protocol.ids import encode_id
from gateway.uploads.media_uploads import Uploads
from storage_adapters.base import ObjectNotFound, StorageAdapter, StorageError
from storage_adapters.multipart_uploads import MultipartUploads
from storage_adapters.resumable import Resumable

_log: Final = logging.getLogger(__name__)

# How many times a completion is tried while files are uploaded again or are being published.
_ATTEMPTS: Final = 4
_PAUSE_SECONDS: Final = 0.5


@dataclass(frozen=True, slots=True)
class Completed:
    """A recording whose files are uploaded, and the ids of the pending files that were removed."""

    recording: Recording
    dropped: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Completion:
    """Completes the uploads of a recording."""

    uploads: Uploads

    async def complete(
        self, owner: Owner, recording_id: int, media_file_ids: Collection[int] | None = None
    ) -> Completed:
        """Verify and complete the pending files and return the recording; completing again returns it unchanged.

        With `media_file_ids` only these files are completed, and each must have been uploaded. Raises NotFound, Invalid
        with the reason for each file that is not what was promised, Busy while another request sends a file, Conflict
        if files keep being uploaded again, or StorageError.
        """
        dropped: tuple[int, ...] = ()
        for _ in range(_ATTEMPTS):
            recording = await self.uploads.find_recording(owner, recording_id)
            asked = [each for each in recording.media_files if media_file_ids is None or each.id in media_file_ids]
            pending = [each for each in asked if each.status == "pending"]
            if media_file_ids is not None and len(asked) < len(media_file_ids):
                raise Invalid(Fault("unknown", ("body", "media_ids"), "The recording lacks one of these files"))
            if asked and not pending:
                return Completed(await self._verify_again(owner, recording), dropped)
            found, absent = await self._verified_and_absent(owner, pending)
            if media_file_ids is None and len(absent) < len(recording.media_files):
                dropped += tuple([each.id for each in absent if await self._drop(each)])
                absent = [each for each in absent if each.id not in dropped]
            if absent:
                raise Invalid(*map(_absence, absent))
            if await self.uploads.pending.complete_uploads(owner, recording_id, found, self.uploads.limits):
                return Completed(await self.uploads.find_recording(owner, recording_id), dropped)
            await asyncio.sleep(_PAUSE_SECONDS)
        raise Conflict("The files are being uploaded again")

    async def _verify_again(self, owner: Owner, recording: Recording) -> Recording:
        """Verify the completed files whose objects changed or were missing; those that pass are served again."""
        flagged = [each for each in recording.media_files if each.missing_at is not None]
        for media in flagged:
            with suppress(ObjectNotFound):
                result = await self.uploads.verification.verify(owner, media, self.uploads.adapter(media))
                if isinstance(result, VerifiedUpload):
                    now = result.found
                    await self.uploads.catalog.record_object_version(
                        media, size=now.size, etag=now.etag, object_modified_at=now.object_modified_at
                    )
        return await self.uploads.find_recording(owner, recording.id) if flagged else recording

    async def _verified_and_absent(
        self, owner: Owner, pending: Sequence[MediaFile]
    ) -> tuple[Sequence[VerifiedUpload], Sequence[MediaFile]]:
        """The verified files, and the files that have no object. Raises Invalid if one is not what was promised."""
        if not pending:
            raise Invalid(Fault("missing", ("media",), "Nothing was uploaded for this recording"))
        results = [(media, await self._verify(owner, media)) for media in pending]
        faults = [result for _, result in results if isinstance(result, Fault)]
        if faults:
            raise Invalid(*faults)
        found = [result for _, result in results if isinstance(result, VerifiedUpload)]
        return found, [media for media, result in results if result is None]

    async def _verify(self, owner: Owner, media: MediaFile) -> VerifiedUpload | Fault | None:
        adapter = self.uploads.adapter(media)
        if isinstance(adapter, Resumable):
            await self.uploads.publish_if_complete(owner, media)
        if isinstance(adapter, MultipartUploads) and media.etag is None and media.size is not None:
            await self._join(owner, media, media.size, adapter)
        try:
            result = await self.uploads.verification.verify(owner, media, adapter)
        except ObjectNotFound:
            return None
        if isinstance(result, Fault):
            with suppress(ObjectNotFound):  # a completion at the same time has deleted it
                await self._settle_refused(owner, media, adapter)
        return result

    async def _join(self, owner: Owner, media: MediaFile, size: int, adapter: MultipartUploads) -> None:
        """Join the parts that the client sent to the storage backend, if it sent all of them, into the object."""
        async with self.uploads.writing(owner, media) as turn:
            publication = await self.uploads.begin_publishing(turn)
            if await adapter.join_parts(media.object_key, size=size):
                await self.uploads.record(turn, publication)

    async def _settle_refused(self, owner: Owner, media: MediaFile, adapter: StorageAdapter) -> None:
        """Count a refused object's bytes for the account: the client may have sent them to the backend directly.

        An object that is larger than any file may be is deleted instead: a presigned URL has no upper bound. If that
        fails, it is counted, too, and deleted when the upload is abandoned.
        """
        async with adapter.open(media.object_key) as stored:
            size = stored.stat.size
        if size > self.uploads.max_file_bytes and media.etag is None:
            try:
                await adapter.delete(media.object_key)
            except StorageError as error:
                _log.warning("an object that is too large could not be deleted", extra={"cause": str(error)})
            else:
                return
        with suppress(Invalid):  # the file is refused anyway
            await self.uploads.writers.record_stored(owner, media.id, size, self.uploads.limits)

    async def _drop(self, media: MediaFile) -> bool:
        """Remove a pending file, and return True, unless some of its bytes arrived or are arriving."""
        adapter = self.uploads.adapter(media)
        if isinstance(adapter, Resumable) and await adapter.partial_size(media.object_key):
            return False
        if isinstance(adapter, MultipartUploads) and media.size is not None:
            parts = await adapter.presign_parts(media.object_key, size=media.size, content_type=None)
            if any(part.uploaded for part in parts):
                return False
        return await self.uploads.writers.drop_upload(media.id)


def _absence(media: MediaFile) -> Fault:
    """The fault of a file that was not uploaded, or only in part."""
    return Fault("upload", ("media", encode_id("med", media.id), "upload_url"), "It was not uploaded")
