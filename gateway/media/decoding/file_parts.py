"""The parts of a file that play one after the other: one for most files, the links of a chained Ogg."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from gateway.media.decoding.containers import Container
from gateway.media.decoding.object_file import ObjectFile
from gateway.media.decoding.ogg import links
from gateway.media.decoding.structure import after_id3, container_of

# A fragmented MP4 has two boxes for each second; walking them would read most of it.
BOXES_OF_SPARING: Final = 16


@dataclass(frozen=True, slots=True)
class FileParts:
    """A file's container, and its parts, each of which begins with a header of its own."""

    container: Container
    file: ObjectFile
    """The file without the tags before it."""
    windows: tuple[ObjectFile, ...]


Place = tuple[str, int]
"""A track by its type and its number among those of the type."""
Kind = tuple[object, ...]
"""A codec and those of its parameters that must be the same for packets to follow one another."""


@dataclass(frozen=True, slots=True)
class FilePart:
    """A part that can be read: its demuxer, its tracks, and how long it claims to play.

    `pixels` are those of its largest moving picture, 0 without one.
    """

    file: ObjectFile
    demuxer: str
    tracks: Mapping[Place, Kind]
    seconds: float
    pixels: int


def parts_of(file: ObjectFile, *, sparing: bool = False) -> FileParts:
    """How the file is divided; `sparing` reads little, and takes a chained file for one part."""
    start = after_id3(file)
    inner = file.window(start) if 0 < start < file.size else file
    container = container_of(inner, BOXES_OF_SPARING) if sparing else container_of(inner)
    if container.demuxer == "ogg" and not sparing:
        return FileParts(container, inner, tuple(inner.window(*link) for link in links(inner)))
    return FileParts(container, inner, (inner.patched(container.patches),))
