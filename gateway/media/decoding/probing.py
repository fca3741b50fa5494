"""What a file is: its type, its tracks, and how long it plays. Found by reading it, never by its name."""

import math
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

import av

from gateway.media.decoding.containers import allow_decoding, frames_of, main_stream, open_media, pictures
from gateway.media.decoding.images import find_image
from gateway.media.decoding.object_file import ObjectFile
from gateway.media.facts import MediaFacts, NotMedia
from gateway.media.formats import container_format

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.stream import Stream

_AV_TIME_BASE: Final = 1_000_000
_PACKETS_TRIED: Final = 1000
# What says nothing of its length, or only what an encoder guessed.
_WITHOUT_LENGTH: Final = {"mp3", "aac"}


def probe(file: ObjectFile, *, sparing: bool) -> MediaFacts:
    """What the file is. Every packet is read, unless `sparing`: then the container's own claim is the length.

    Raises NotMedia.
    """
    image = find_image(file)
    if image is not None:
        return image
    head = file.at(0, 64)
    with open_media(file) as container:
        stream = main_stream(container)
        allow_decoding(stream)
        _decode_first(container, stream)
    with open_media(file) as container:
        seconds = _claimed(container) if sparing else _played(container)
        return _facts(container, main_stream(container), seconds, head)


def _decode_first(container: "InputContainer", stream: "Stream") -> None:
    """Raises NotMedia unless one of the first packets can be decoded."""
    for _, packet in zip(range(_PACKETS_TRIED), container.demux(stream), strict=False):
        if frames_of(packet):
            return
    raise NotMedia("nothing in it can be decoded")


def _claimed(container: "InputContainer") -> float | None:
    if container.duration is None or container.format.name in _WITHOUT_LENGTH:
        return None
    return container.duration / _AV_TIME_BASE


def _played(container: "InputContainer") -> float | None:
    """Where the longest track ends, after the beginning of the time line."""
    ends: dict[int, Fraction] = {}
    try:
        for packet in container.demux([*pictures(container), *container.streams.audio]):
            if packet.pts is not None and packet.time_base is not None:
                end = (packet.pts + (packet.duration or 0)) * packet.time_base
                ends[packet.stream_index] = max(end, ends.get(packet.stream_index, end))
    except av.FFmpegError:  # what follows a damaged place is not played
        pass
    origin = Fraction(container.start_time or 0, _AV_TIME_BASE)
    return float(max(ends.values()) - origin) if ends else None


def _facts(container: "InputContainer", stream: "Stream", seconds: float | None, head: bytes) -> MediaFacts:
    moving = stream.type == "video"
    kind = container_format(container.format.name, head, container.metadata.get("major_brand", ""), moving=moving)
    sound = container.streams.audio[0] if container.streams.audio else None
    return MediaFacts(
        type="video" if moving else "audio",
        format=kind.format,
        content_type=kind.video if moving else kind.audio,
        duration_seconds=_rounded(seconds),
        sample_rate=sound.sample_rate if sound else None,
        channels=sound.channels if sound else None,
        metadata=_metadata(container, stream),
    )


def _rounded(seconds: float | None) -> float | None:
    return round(seconds, 6) if seconds is not None and math.isfinite(seconds) and seconds > 0 else None


def _metadata(container: "InputContainer", stream: "Stream") -> dict[str, str | int]:
    codec: Any = stream.codec_context
    found = {
        "codec": codec.codec.canonical_name,
        "bit_rate": codec.bit_rate or container.bit_rate,
        "sample_rate": getattr(codec, "sample_rate", None),
        "channels": getattr(codec, "channels", None),
        "width": getattr(codec, "width", None),
        "height": getattr(codec, "height", None),
    }
    return {name: value for name, value in found.items() if value}
