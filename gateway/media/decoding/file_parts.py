"""Divides a file into parts that play one after another: the links of a chained Ogg; other files are one part."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from gateway.media.decoding.containers import Container
from gateway.media.decoding.object_file import ObjectFile
from gateway.media.decoding.ogg import links
from gateway.media.decoding.structure import after_id3, container_of

# A sparing probe visits this many boxes. A fragmented MP4 has two for each second: visiting all would read most of it.
BOXES_OF_SPARING: Final = 16


@dataclass(frozen=True, slots=True)
class FileParts:
    """A file's container, and its parts, each of which begins with a header of its own."""

    container: Container
    file: ObjectFile
    """The file without the tags before it."""
    windows: tuple[ObjectFile, ...]


TrackId = tuple[str, int]
"""A track: its type and its number among the tracks of that type."""
Kind = tuple[object, ...]
"""A codec and the parameters that must be equal if its packets are to continue those of another file."""


@dataclass(frozen=True, slots=True)
class FilePart:
    """A part that can be read: its demuxer, its tracks, and how long it claims to play.

    `pixels` are those of its largest moving picture, 0 without one.
    """

    file: ObjectFile
    demuxer: str
    tracks: Mapping[TrackId, Kind]
    seconds: float
    pixels: int


def parts_of(file: ObjectFile, *, sparing: bool = False) -> FileParts:
    """Divide the file; `sparing` reads little, and treats a chained file as one part."""
    start = after_id3(file)
    inner = file.window(start) if 0 < start < file.size else file
    container = container_of(inner, BOXES_OF_SPARING) if sparing else container_of(inner)
    if container.demuxer == "ogg" and not sparing:
        return FileParts(container, inner, tuple(inner.window(*link) for link in links(inner)))
    return FileParts(container, inner, (inner.patched(container.patches),))
