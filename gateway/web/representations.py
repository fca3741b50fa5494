"""What a media file looks like to its readers, prepared once per version of its object.

Knows: how a catalogue's row and a storage's stat become a Representation. Refuses to know: requests.
"""

from collections import OrderedDict
from typing import Final, NamedTuple

from gateway.catalog import MediaFile
from gateway.protocol.delivery import Representation
from gateway.protocol.signing import Disposition
from gateway.web.links import file_name
from storage_adapters.base import ObjectStat

CAPACITY: Final = 4096


class Presentation(NamedTuple):
    """How an answer may be kept (a Cache-Control value) and shown: what one kind of reader gets to see."""

    cache_control: str
    disposition: Disposition


class Prepared:
    """A media file for one kind of reader: what was last known of its object, and how that version looks.

    `expected` is what to hold the storage to; None where it has to be asked: nothing is known, or the object was
    missing.
    """

    __slots__ = ("_presentation", "_representation", "_stat", "expected", "media")

    def __init__(self, media: MediaFile, presentation: Presentation) -> None:
        self.media = media
        self.expected = _remembered(media)
        self._presentation = presentation
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


class Representations:
    """What was prepared last, for at most `capacity` media files and kinds of readers."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._prepared: OrderedDict[tuple[int, Presentation], Prepared] = OrderedDict()

    def prepare(self, media: MediaFile, presentation: Presentation) -> Prepared:
        """The media file for these readers."""
        name = (media.id, presentation)
        prepared = self._prepared.get(name)
        if prepared is None or prepared.media is not media:
            prepared = self._prepared[name] = Prepared(media, presentation)
            if len(self._prepared) > self._capacity:
                self._prepared.popitem(last=False)
        self._prepared.move_to_end(name)
        return prepared


def _remembered(media: MediaFile) -> ObjectStat | None:
    if media.size is None or media.etag is None or media.object_modified_at is None or media.missing_at is not None:
        return None
    return ObjectStat(media.size, media.etag, media.object_modified_at, media.content_type)
