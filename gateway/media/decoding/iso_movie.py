"""Parses the movie box of an ISO-BMFF file (ISO/IEC 14496-12 section 8) without its sample tables.

The tables of a recording of several hours are larger than what a probe may read of an object in a bucket.
"""

from dataclasses import dataclass
from typing import Final

from gateway.media.decoding.object_file import ObjectFile
from gateway.media.decoding.structure import boxes

# The lengths of a movie and of its longest track may differ by this much.
_AGREEING_SECONDS: Final = 1


@dataclass(frozen=True, slots=True)
class Movie:
    """A movie box: its size in bytes, its tracks' handlers ("vide", "soun"), and its seconds, None if uncertain."""

    size: int
    handlers: tuple[str, ...]
    seconds: float | None


def find_movie(file: ObjectFile, most_boxes: int) -> Movie | None:
    """The movie box if it is among the first boxes, after at most `most_boxes` others; else None."""
    for count, (kind, start, size) in enumerate(boxes(file, 0, file.size)):
        if kind == b"moov":
            return _movie(file, start, start + size)
        if count == most_boxes:
            break
    return None


def _movie(file: ObjectFile, start: int, end: int) -> Movie:
    handlers, seconds, longest, fragmented = [], None, 0.0, False
    for kind, inner, size in boxes(file, start, end):
        if kind == b"mvhd":
            seconds = _seconds(file.at(inner, 32))
        elif kind == b"trak":
            handler, length = _track(file, inner, inner + size)
            handlers.append(handler)
            longest = max(longest, length or 0)
        fragmented |= kind == b"mvex"
    certain = seconds is not None and abs(seconds - longest) < _AGREEING_SECONDS and not fragmented
    return Movie(end - start, tuple(handlers), seconds if certain else None)


def _seconds(header: bytes) -> float | None:
    long = header[:1] == b"\1"
    scale = int.from_bytes(header[20:24] if long else header[12:16], "big")
    ticks = int.from_bytes(header[24:32] if long else header[16:20], "big")
    return ticks / scale if scale and ticks else None


def _track(file: ObjectFile, start: int, end: int) -> tuple[str, float | None]:
    """The track's handler, and the length of its media in seconds."""
    handler, seconds = "", None
    for kind, inner, size in boxes(file, start, end):
        if kind == b"mdia":
            for child, content, _ in boxes(file, inner, inner + size):
                if child == b"hdlr":
                    handler = file.at(content + 8, 4).decode("latin-1")
                elif child == b"mdhd":
                    seconds = _seconds(file.at(content, 32))
    return handler, seconds
