"""Where imported recordings go: one storage, one owner, perhaps a meeting.

Knows: that what is written down of an object is what was measured of it. Refuses to know: how the object
got into the storage, and how it was looked at.
"""

from dataclasses import dataclass

from gateway.catalog import MediaFile, NewMedia, NewMeeting, Owner, RecordingCatalog
from gateway.media.facts import MediaFacts
from gateway.media.prober import Prober
from gateway.storage import Storage
from storage_adapters.base import ObjectStat


@dataclass(frozen=True, slots=True)
class Destination:
    """Registers objects of one storage for one owner; the same object again makes no second row."""

    catalog: RecordingCatalog
    storage: Storage
    owner: Owner
    prober: Prober
    meeting: NewMeeting | None = None

    async def measure(self, key: str) -> ObjectStat:
        """What the storage says of the object. Raises StorageError."""
        async with self.storage.adapter.open(key) as stored:
            return stored.stat

    async def register(self, key: str, found: MediaFacts, measured: ObjectStat, name: str) -> tuple[MediaFile, bool]:
        """The object's row, and whether it is new; `name` is the recording's. Raises Refusal."""
        media = _new_media(self.storage.name, key, found, measured)
        registered, new = await self.catalog.register(self.owner, media, name=name, meeting=self.meeting)
        await self.remember(registered, measured)
        return registered, new

    async def remember(self, media: MediaFile, measured: ObjectStat) -> None:
        """Write down that the object is another version now, if it is."""
        if (media.size, media.etag) != (measured.size, measured.etag):
            await self.catalog.record_object_version(
                media, size=measured.size, etag=measured.etag, object_modified_at=measured.last_modified
            )


def _new_media(storage: str, key: str, found: MediaFacts, measured: ObjectStat) -> NewMedia:
    return NewMedia(
        type=found.type,
        format=found.format,
        content_type=found.content_type,
        storage=storage,
        object_key=key,
        size=measured.size,
        etag=measured.etag,
        object_modified_at=measured.last_modified,
        duration_seconds=found.duration_seconds,
        metadata=found.metadata,
    )
