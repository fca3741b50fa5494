"""Makes a Representation of a catalogue row and the stat of its object, once for each version of the object."""

from typing import NamedTuple

from gateway.catalog import MediaFile
from gateway.protocol.delivery import Representation
from gateway.protocol.signing import Disposition
from gateway.web.links import file_name
from storage_adapters.base import ObjectStat


class Presentation(NamedTuple):
    """How a response may be cached (a Cache-Control value) and shown."""

    cache_control: str
    disposition: Disposition


class PreparedRepresentation:
    """A media file in one presentation.

    `expected` is the version that the storage backend is expected to have; None if none is known, or if the object was
    missing.
    """

    __slots__ = ("_presentation", "_representation", "_stat", "disposition", "expected", "media")

    def __init__(self, media: MediaFile, presentation: Presentation) -> None:
        self.media = media
        self.expected = _expected(media)
        self._presentation = presentation
        self.disposition = presentation.disposition
        self._stat: ObjectStat | None = None
        self._representation: Representation | None = None

    def represent(self, stat: ObjectStat, *, now: float) -> Representation:
        """The media file in this version of its object; `now` is in seconds since the epoch."""
        if self._representation is not None and self._stat == stat:
            return self._representation
        media, presentation = self.media, self._presentation
        representation = Representation(
            size=stat.size,
            etag=f'"{stat.etag}"',
            last_modified=stat.last_modified.timestamp(),
            content_type=media.content_type,
            cache_control=presentation.cache_control,
            disposition=f'{presentation.disposition}; filename="{file_name(media)}"',
            now=now,
        )
        if representation.lasts:
            self._stat, self._representation = stat, representation
        return representation


def _expected(media: MediaFile) -> ObjectStat | None:
    if media.size is None or media.etag is None or media.object_modified_at is None or media.missing_at is not None:
        return None
    return ObjectStat(media.size, media.etag, media.object_modified_at, media.content_type)
