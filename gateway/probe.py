"""What a file is: type, format, MIME type, duration. Found by reading it, never by its name.

Knows: PyAV, and which containers the gateway accepts.
Refuses to know: catalogues, storages, paths. It reads the one open file it is given.

Untrusted files are read here. Only the demuxers in `_DEMUXERS` may look at them, no protocol may be
used and nothing else may be opened, so a playlist (m3u8, concat, sdp) names other files in vain.

Blocking, and CPU-bound: call it in a thread.
"""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NoReturn

from gateway.catalog import MediaType

if TYPE_CHECKING:  # PyAV takes a quarter of a second to import; most commands never need it
    from av.container import InputContainer
    from av.stream import Stream


class NotMedia(Exception):
    """The file is not media that the gateway accepts; the text says why."""


@dataclass(frozen=True, slots=True)
class Probe:
    """What a file is.

    `format` is the usual extension without a dot. `duration_seconds` is None for images, and where it
    cannot be known; `sample_rate` (Hz) and `channels` are None without sound. `metadata` is JSON-safe:
    codec, bit_rate (bit/s), width and height (pixels), as far as they apply.
    """

    type: MediaType
    format: str
    content_type: str
    duration_seconds: float | None
    sample_rate: int | None
    channels: int | None
    metadata: Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class _Container:
    format: str
    audio: str
    video: str


# FFmpeg's demuxer → what it means. RFC 9559 registers audio/matroska and video/matroska.
_MATROSKA: Final = _Container("mkv", "audio/matroska", "video/matroska")
_WEBM: Final = _Container("webm", "audio/webm", "video/webm")
_MP4: Final = _Container("mp4", "audio/mp4", "video/mp4")
_M4A: Final = _Container("m4a", "audio/mp4", "video/mp4")
_QUICKTIME: Final = _Container("mov", "video/quicktime", "video/quicktime")
_DEMUXERS: Final[Mapping[str, _Container]] = {
    "wav": _Container("wav", "audio/wav", ""),
    "mp3": _Container("mp3", "audio/mpeg", ""),
    "flac": _Container("flac", "audio/flac", ""),
    "aac": _Container("aac", "audio/aac", ""),
    "ogg": _Container("ogg", "audio/ogg", "video/ogg"),
    "matroska,webm": _MATROSKA,
    "mov,mp4,m4a,3gp,3g2,mj2": _MP4,
}
_IMAGES: Final[Mapping[str, tuple[str, str]]] = {
    "jpeg_pipe": ("jpg", "image/jpeg"),
    "png_pipe": ("png", "image/png"),
    "gif": ("gif", "image/gif"),
    "webp_pipe": ("webp", "image/webp"),
}
_ACCEPTED: Final = "wav, mp3, m4a, mp4, mov, ogg, webm, flac, aac, mkv, jpeg, png, gif or webp"
# These say nothing of their length, or what an encoder guessed: their packets are counted.
_WITHOUT_LENGTH: Final = {"mp3", "aac"}
_PACKETS_TRIED: Final = 1000
_READ_BYTES: Final = 1 << 18


def probe(file: BinaryIO) -> Probe:
    """What the open file is; it is read from its beginning and left open.

    Raises NotMedia, or OSError if it cannot be read.
    """
    head = file.read(64)
    if not head:
        raise NotMedia("it is empty")
    file.seek(0)
    with _open(file) as container:
        stream = _main_stream(container)
        end = _read_packets(container, stream)
        if container.format.name in _IMAGES:
            return _image(container, stream)
        return _recording(container, stream, end, head)


def _nested(*_: object, **__: object) -> NoReturn:
    raise PermissionError("a media file may not open another")


@contextmanager
def _open(file: BinaryIO) -> Iterator["InputContainer"]:
    import av

    options = {"format_whitelist": ",".join((*_DEMUXERS, *_IMAGES)), "protocol_whitelist": "none"}
    try:
        with av.open(
            file, "r", options=options, metadata_errors="replace", buffer_size=_READ_BYTES, io_open=_nested
        ) as container:
            yield container
    except (av.FFmpegError, UnicodeDecodeError) as error:
        raise NotMedia(f"it cannot be read as {_ACCEPTED}") from error


def _main_stream(container: "InputContainer") -> "Stream":
    """The picture if there is one that moves (a cover does not), else the sound."""
    from av.stream import Disposition

    covers = Disposition.attached_pic | Disposition.timed_thumbnails
    for stream in container.streams.video:
        if not stream.disposition & covers:
            return stream
    if not container.streams.audio:
        raise NotMedia("there is neither sound nor picture in it")
    return container.streams.audio[0]


def _read_packets(container: "InputContainer", stream: "Stream") -> float | None:
    """Decode the first frame, and count to the last packet where the container cannot tell its length.

    The end in seconds from the start, or None where it was not counted.
    """
    counting = container.duration is None or container.format.name in _WITHOUT_LENGTH
    packets = container.demux(stream)
    first, end = _decode_first(packets)
    if not counting or stream.time_base is None:
        return None
    for packet in packets:
        end = max(end, (packet.pts or 0) + (packet.duration or 0))
    return float((end - first) * stream.time_base)


def _decode_first(packets: Iterator[Any]) -> tuple[int, int]:
    """The first packet's start and the end of the one whose frame could be decoded, in the stream's ticks."""
    import av

    first, end = None, 0
    for _, packet in zip(range(_PACKETS_TRIED), packets, strict=False):
        if packet.pts is not None:
            first = packet.pts if first is None else first
            end = max(end, packet.pts + (packet.duration or 0))
        try:
            if packet.decode():
                return first or 0, end
        except av.FFmpegError:
            continue
    raise NotMedia("nothing in it can be decoded")


def _recording(container: "InputContainer", stream: "Stream", counted: float | None, head: bytes) -> Probe:
    kind = _kind(container, stream, head)
    moving = stream.type == "video"
    sound = container.streams.audio[0] if container.streams.audio else None
    if moving and not kind.video:
        raise NotMedia(f"a {kind.format} file with a moving picture is not accepted")
    return Probe(
        type="video" if moving else "audio",
        format=kind.format,
        content_type=kind.video if moving else kind.audio,
        duration_seconds=_duration(container, counted),
        sample_rate=sound.sample_rate if sound else None,
        channels=sound.channels if sound else None,
        metadata=_metadata(container, stream),
    )


def _image(container: "InputContainer", stream: "Stream") -> Probe:
    format, content_type = _IMAGES[container.format.name]
    return Probe("image", format, content_type, None, None, None, _metadata(container, stream))


def _kind(container: "InputContainer", stream: "Stream", head: bytes) -> _Container:
    kind = _DEMUXERS[container.format.name]
    if kind is _MATROSKA:
        return _WEBM if _document_type(head) == b"webm" else _MATROSKA
    if kind is _MP4:
        return _by_brand(container.metadata.get("major_brand", ""), moving=stream.type == "video")
    return kind


def _document_type(head: bytes) -> bytes:
    """EBML's DocType element (RFC 8794 section 11.2.6): its id, one byte of length, the name."""
    _, _, element = head.partition(b"\x42\x82")
    return element[1 : 1 + (element[0] & 0x7F)] if element else b""


def _by_brand(brand: str, *, moving: bool) -> _Container:
    if brand == "qt  ":
        return _QUICKTIME
    if brand[:3] in {"hei", "hev", "mif", "msf", "avi"}:
        raise NotMedia("HEIF and AVIF pictures are not accepted")
    return _MP4 if moving else _M4A


def _duration(container: "InputContainer", counted: float | None) -> float | None:
    seconds = counted if container.duration is None or counted is not None else container.duration / 1_000_000
    return round(seconds, 6) if seconds is not None and math.isfinite(seconds) and seconds > 0 else None


def _metadata(container: "InputContainer", stream: "Stream") -> dict[str, str | int]:
    codec: Any = stream.codec_context
    found = {
        "codec": codec.name,
        "bit_rate": codec.bit_rate or container.bit_rate,
        "sample_rate": getattr(codec, "sample_rate", None),
        "channels": getattr(codec, "channels", None),
        "width": getattr(codec, "width", None),
        "height": getattr(codec, "height", None),
    }
    return {name: value for name, value in found.items() if value}
