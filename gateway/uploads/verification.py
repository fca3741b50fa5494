"""Compares an uploaded object with what its client promised. The object is read for its type, format and duration."""

from dataclasses import dataclass, replace

from gateway.catalog import UNKNOWN_CONTENT_TYPE, MediaFile, NewMedia, Owner, VerifiedUpload
from gateway.errors import Fault
from gateway.media.facts import MediaFacts, NotMedia
from gateway.media.prober import Prober, is_remote
from gateway.protocol.ids import encode_id
from storage_adapters.base import ObjectStat, StorageAdapter


@dataclass(frozen=True, slots=True)
class Verification:
    """Verifies uploaded objects; `max_file_bytes` is the size of the largest file that is accepted."""

    max_file_bytes: int
    prober: Prober

    async def verify(self, owner: Owner, media: MediaFile, adapter: StorageAdapter) -> VerifiedUpload | Fault:
        """The verified object of the media file, or why it is not what was promised.

        Raises ObjectNotFound if there is no object, another StorageError, or Unavailable if no process can be started.
        """
        try:
            async with adapter.open(media.object_key) as stored:
                if fault := self._size_fault(media, stored.stat.size):
                    return fault
                found = await self.prober.probe(stored, owner.user_id, remote=is_remote(adapter))
        except NotMedia as error:
            return _fault(media, "type", f"It is not {media.type}: {error}")
        if found.type != media.type:
            return _fault(media, "type", f"It is not {media.type} but {found.type} ({found.content_type})")
        return VerifiedUpload(media.id, media.etag, verified(media, stored.stat, found))

    def _size_fault(self, media: MediaFile, size: int) -> Fault | None:
        if media.size is not None and size != media.size:
            return _fault(media, "file_size_bytes", f"It has {size} bytes, but {media.size} were promised")
        if size > self.max_file_bytes:
            return _fault(
                media, "file_size_bytes", f"It has {size} bytes, but a file may have at most {self.max_file_bytes}"
            )
        return None


def _fault(media: MediaFile, field: str, text: str) -> Fault:
    return Fault("upload", ("media", encode_id("med", media.id), field), text)


def verified(media: MediaFile, stat: ObjectStat, found: MediaFacts) -> NewMedia:
    """The pending media file's object and the facts found in it. A declared content type that differs goes to `metadata`."""
    is_the_same = media.content_type in {UNKNOWN_CONTENT_TYPE, found.content_type}
    called = {} if is_the_same else {"declared_content_type": media.content_type}
    facts = replace(found, metadata={**found.metadata, **called})
    return new_media(media.storage, media.object_key, facts, stat)


def new_media(storage: str, key: str, found: MediaFacts, stat: ObjectStat) -> NewMedia:
    """The probed object, to be registered in the catalogue."""
    return NewMedia(
        type=found.type,
        format=found.format,
        content_type=found.content_type,
        storage=storage,
        object_key=key,
        size=stat.size,
        etag=stat.etag,
        object_modified_at=stat.last_modified,
        duration_seconds=found.duration_seconds,
        metadata=found.metadata,
    )
