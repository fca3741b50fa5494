"""What an ISO-BMFF file's movie box says (ISO/IEC 14496-12 section 8), without its sample tables.

The tables of a recording of hours are larger than what may be read of an object in a bucket.
"""

from dataclasses import dataclass

from gateway.media.decoding.structure import Bytes, boxes


@dataclass(frozen=True, slots=True)
class Movie:
    """`size` of the movie box in bytes, its tracks' handlers ("vide", "soun"), and the seconds that it claims."""

    size: int
    handlers: tuple[str, ...]
    seconds: float | None


def find_movie(file: Bytes, most_boxes: int) -> Movie | None:
    """The movie box among the first boxes; None if there is none."""
    for count, (kind, start, size) in enumerate(boxes(file, 0, file.size)):
        if kind == b"moov":
            return _movie(file, start, start + size)
        if count == most_boxes:
            break
    return None


def _movie(file: Bytes, start: int, end: int) -> Movie:
    handlers, seconds, fragmented = [], None, False
    for kind, inner, size in boxes(file, start, end):
        if kind == b"mvhd":
            seconds = _seconds(file.at(inner, 32))
        elif kind == b"trak":
            handlers.append(_handler(file, inner, inner + size))
        fragmented |= kind == b"mvex"
    return Movie(end - start, tuple(handlers), None if fragmented else seconds)


def _seconds(header: bytes) -> float | None:
    long = header[:1] == b"\1"
    scale = int.from_bytes(header[20:24] if long else header[12:16], "big")
    ticks = int.from_bytes(header[24:32] if long else header[16:20], "big")
    return ticks / scale if scale and ticks else None


def _handler(file: Bytes, start: int, end: int) -> str:
    for kind, inner, size in boxes(file, start, end):
        if kind == b"mdia":
            for child, place, _ in boxes(file, inner, inner + size):
                if child == b"hdlr":
                    return file.at(place + 8, 4).decode("latin-1")
    return ""
