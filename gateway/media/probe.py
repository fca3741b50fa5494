"""What a file is: type, format, MIME type, duration. Found by reading it, never by its name.

Knows: PyAV. Refuses to know: catalogues, storages, paths. It reads the one open file it is given.

Untrusted files are read here. Only the demuxers named in `formats` may look at them, no protocol may be
used and nothing else may be opened, so a playlist (m3u8, concat, sdp) names other files in vain.

Blocking, and CPU-bound: call it in a thread.
"""

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, Final, NoReturn

from gateway.catalog import MediaType
from gateway.media.formats import ACCEPTED, DEMUXERS, IMAGES, NotMedia, container_format

if TYPE_CHECKING:  # PyAV takes a quarter of a second to import; most commands never need it
    from av.container import InputContainer
    from av.stream import Stream


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


# These say nothing of their length, or what an encoder guessed: their packets are counted.
_WITHOUT_LENGTH: Final = {"mp3", "aac"}
_PACKETS_TRIED: Final = 1000
_READ_BYTES: Final = 1 << 18


def probe(file: BinaryIO, *, to_the_end: bool = True) -> Probe:
    """What the open file is; it is read from its beginning and left open.

    Where a length can only be counted, the file is read to the end; without `to_the_end` it stays what the
    container or its bit rate says, or unknown. Raises NotMedia, or OSError if it cannot be read.
    """
    head = file.read(64)
    if not head:
        raise NotMedia("it is empty")
    file.seek(0)
    with open_media(file) as container:
        stream = _main_stream(container)
        end = _read_packets(container, stream, to_the_end=to_the_end)
        if container.format.name in IMAGES:
            return _image(container, stream)
        return _recording(container, stream, end, head)


class _Nameless:
    """The file without its name: FFmpeg would choose by the extension before it looks inside."""

    def __init__(self, file: BinaryIO) -> None:
        self.read, self.seek, self.tell = file.read, file.seek, file.tell


def _nested(*_: object, **__: object) -> NoReturn:
    raise PermissionError("a media file may not open another")


@contextmanager
def open_media(file: BinaryIO) -> Iterator["InputContainer"]:
    """The open file as PyAV reads it, as far as it may be trusted. Raises NotMedia, from inside the block too."""
    import av

    options = {"format_whitelist": ",".join((*DEMUXERS, *IMAGES)), "protocol_whitelist": "none"}
    try:
        with av.open(
            _Nameless(file), "r", options=options, metadata_errors="replace", buffer_size=_READ_BYTES, io_open=_nested
        ) as container:
            yield container
    except (av.FFmpegError, UnicodeDecodeError) as error:
        raise NotMedia(f"it cannot be read as {ACCEPTED}") from error


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


def _read_packets(container: "InputContainer", stream: "Stream", *, to_the_end: bool) -> float | None:
    """Decode the first frame, and count to the last packet where the container cannot tell its length.

    The end in seconds from the start, or None where it was not counted.
    """
    counting = container.duration is None or container.format.name in _WITHOUT_LENGTH
    packets = container.demux(stream)
    first, end = _decode_first(packets)
    if not counting or not to_the_end or stream.time_base is None:
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
    moving = stream.type == "video"
    kind = container_format(container.format.name, head, container.metadata.get("major_brand", ""), moving=moving)
    sound = container.streams.audio[0] if container.streams.audio else None
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
    format, content_type = IMAGES[container.format.name]
    return Probe("image", format, content_type, None, None, None, _metadata(container, stream))


def _duration(container: "InputContainer", counted: float | None) -> float | None:
    seconds = counted if container.duration is None or counted is not None else container.duration / 1_000_000
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
