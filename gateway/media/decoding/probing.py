"""Finds a file's type, its tracks and how long it plays, by reading it and never by its name."""

import math
from contextlib import suppress
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

import av

from gateway.media.decoding import demuxing
from gateway.media.decoding.claims import claimed_seconds
from gateway.media.decoding.file_parts import BOXES_OF_SPARING, FileParts, parts_of
from gateway.media.decoding.images import find_image
from gateway.media.decoding.iso_movie import Movie, find_movie
from gateway.media.decoding.mpeg_audio import find_header
from gateway.media.decoding.object_file import ObjectFile
from gateway.media.decoding.ogg import first_pages
from gateway.media.facts import MediaFacts, NotMedia
from gateway.media.formats import container_format

if TYPE_CHECKING:
    from av.container import InputContainer

_PACKETS_TRIED: Final = 1000
_CONVINCING_PACKETS: Final = 3
# A sparing probe does not give a file with a larger movie box to FFmpeg, which would read all of the box.
_MOVIE_BYTES: Final = 1 << 20
# Ignore this many bytes after the container's end, or this share of the file: a tag, padding.
_REST_BYTES: Final = 1024
_REST_SHARE: Final = 0.01


@dataclass(frozen=True, slots=True)
class Length:
    """How long a file plays (None if unknown), and what is wrong with the file ("" if nothing is)."""

    seconds: float | None
    warning: str = ""


def probe(file: ObjectFile, *, sparing: bool) -> MediaFacts:
    """The facts of the file. Every packet is read to find its length, unless `sparing`.

    A `sparing` probe reads little, and returns a length only if that is certain. Raises NotMedia.
    """
    image = find_image(file)
    if image is not None:
        return image
    parts = parts_of(file, sparing=sparing)
    movie = find_movie(parts.file, BOXES_OF_SPARING) if sparing and parts.container.demuxer == "mov" else None
    if movie is not None and movie.size > _MOVIE_BYTES:
        return _facts_of_movie(movie, parts)
    try:
        with demuxing.open_media(parts.windows[0], parts.container.demuxer) as container:
            facts = _facts(container, parts)
            _decode_first(container, file)
        length = _estimate(parts) if sparing else _measure(parts)
        warning = {"warning": length.warning} if length.warning else {}
        return replace(facts, duration_seconds=_rounded(length.seconds), metadata={**facts.metadata, **warning})
    except NotMedia:
        if file.spent and parts.container.demuxer in {"ogg", "flac", "wav"}:  # its headers alone exceed the budget
            return _facts_of_container(parts)
        raise


def _facts_of_movie(movie: Movie, parts: FileParts) -> MediaFacts:
    """The facts that a movie box gives without its tables, which are too large to be read."""
    moving = "vide" in movie.handlers
    if not moving and "soun" not in movie.handlers:
        raise NotMedia("there is neither sound nor picture in it")
    kind = container_format("mov", parts.container.brand, moving=moving)
    seconds = movie.seconds if parts.container.end is not None and not _cut(parts) else None
    return MediaFacts(
        type="video" if moving else "audio",
        format=kind.format,
        content_type=kind.video if moving else kind.audio,
        duration_seconds=_rounded(seconds),
        metadata={"warning": warning} if (warning := _cut(parts)) else {},
    )


def _facts_of_container(parts: FileParts) -> MediaFacts:
    """The facts of a container whose headers are too large to be read."""
    moving = any(b"theora" in parts.file.at(start, 64) for start in first_pages(parts.file))
    kind = container_format(parts.container.demuxer, "", moving=moving)
    return MediaFacts("video" if moving else "audio", kind.format, kind.video if moving else kind.audio)


def _decode_first(container: "InputContainer", file: ObjectFile) -> None:
    """Decode one of the first packets, or several in a row after a damaged one, which may be decoded by chance.

    Raises NotMedia if that is not possible and the budget is not spent.
    """
    stream = demuxing.tracks_of(container)[0]
    demuxing.allow_decoding(stream)
    in_a_row, wanted = 0, 1
    for _, packet in zip(range(_PACKETS_TRIED), demuxing.Packets(container, [stream]), strict=False):
        try:
            in_a_row += bool(packet.decode())
        except av.FFmpegError:
            in_a_row, wanted = 0, _CONVINCING_PACKETS
        if in_a_row == wanted:
            return
    if not file.spent:
        raise NotMedia("nothing in it can be decoded")


def _measure(parts: FileParts) -> Length:
    """The length of all parts together; every packet is read."""
    total, warning = 0.0, ""
    for window in parts.windows:
        with demuxing.open_media(window, parts.container.demuxer) as container:
            packets = demuxing.Packets(container, demuxing.tracks_of(container))
            seconds = _played(container, packets)
            if packets.restarted and container.format.name == "flac" and container.duration:
                # The parser drops frames before the header of another file.
                seconds = container.duration / demuxing.AV_TIME_BASE
            warning = warning or _shortfall(container, window, seconds, restarted=packets.restarted)
            total += seconds
    if parts.file.spent:
        return Length(None, "It was not read to its end: that takes too long")
    return Length(total, _cut(parts) or warning)


def _played(container: "InputContainer", packets: demuxing.Packets) -> float:
    """How many seconds after the beginning of the time line the longest track ends."""
    end = origin = Fraction(container.start_time or 0, demuxing.AV_TIME_BASE)
    for packet in packets:
        if packet.pts is not None and not packet.is_discard:
            end = max(end, (packet.pts + (packet.duration or 0)) * packet.time_base)
    return float(end - origin)


def _shortfall(container: "InputContainer", window: ObjectFile, seconds: float, *, restarted: bool) -> str:
    if restarted:
        return f"Its time line restarts after {seconds:.1f} seconds, and what follows is not played"
    claimed = (container.duration or 0) / demuxing.AV_TIME_BASE
    # Some writers count the length from 0, wherever the time line begins.
    ends = seconds + max(container.start_time or 0, 0) / demuxing.AV_TIME_BASE
    if claimed > ends * 1.02 + 0.5 and _has_length(container.format.name, window):
        return f"Its header promises {claimed:.1f} seconds, but only {seconds:.1f} are in it"
    return ""


def _has_length(demuxer: str, window: ObjectFile) -> bool:
    """Whether the file itself states its length, rather than an encoder or FFmpeg estimating it."""
    # A Xing header that promises more seconds and also more bytes than exist shows that the file was longer.
    return find_header(window)[1] > window.size if demuxer == "mp3" else demuxer != "aac"


def _cut(parts: FileParts) -> str:
    """The warning if the container and the file end at different places; "" if they do not, or if that is unknown."""
    end, size = parts.container.end, parts.file.size
    if end is None or parts.file.spent:
        return ""
    if end > size:
        return f"It was cut off: its container has {end} bytes, but the file has {size}"
    if size - end > max(_REST_BYTES, size * _REST_SHARE):
        return f"Its container ends after {end} of {size} bytes, and what follows is not played"
    return ""


def _estimate(parts: FileParts) -> Length:
    """The length, if a part of the file makes it certain."""
    seconds = None
    with suppress(NotMedia), demuxing.open_media(parts.windows[0], parts.container.demuxer) as container:
        seconds = claimed_seconds(container, parts)
    return Length(seconds, _cut(parts))


def _facts(container: "InputContainer", parts: FileParts) -> MediaFacts:
    """What the headers say: everything but the length and what is wrong with it."""
    stream = demuxing.tracks_of(container)[0]
    moving = stream.type == "video"
    kind = container_format(container.format.name, parts.container.brand, moving=moving)
    sound = demuxing.sound_of(container)
    return MediaFacts(
        type="video" if moving else "audio",
        format=kind.format,
        content_type=kind.video if moving else kind.audio,
        sample_rate=sound.sample_rate if sound else None,
        channels=sound.channels if sound else None,
        metadata=_metadata(container),
    )


def _rounded(seconds: float | None) -> float | None:
    return round(seconds, 6) if seconds is not None and math.isfinite(seconds) and seconds > 0 else None


def _metadata(container: "InputContainer") -> dict[str, str | int]:
    tracks = demuxing.tracks_of(container)
    codec: Any = tracks[0].codec_context
    found = {
        "codec": codec.codec.canonical_name,
        "bit_rate": codec.bit_rate or container.bit_rate,
        "sample_rate": getattr(codec, "sample_rate", None),
        "channels": getattr(codec, "channels", None),
        "width": getattr(codec, "width", None),
        "height": getattr(codec, "height", None),
        "tracks": len(tracks) if len(tracks) > 1 else None,
    }
    return {name: value for name, value in found.items() if value}
