"""Containers opened by PyAV: only the demuxers and decoders that `formats` lists, and no file, network or thread beside.

A playlist (m3u8, concat, sdp) therefore names other files in vain.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, NoReturn

import av
from av.stream import Disposition

from gateway.media.decoding.object_file import ObjectFile
from gateway.media.facts import NotMedia
from gateway.media.formats import ACCEPTED, DECODERS, DEMUXERS, MAX_PIXELS

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.stream import Stream

_READ_BYTES: Final = 1 << 16
_COVERS: Final = Disposition.attached_pic | Disposition.timed_thumbnails
_OPTIONS: Final = {
    "format_whitelist": ",".join(DEMUXERS),
    "codec_whitelist": ",".join(sorted(DECODERS)),
    "protocol_whitelist": "none",
}


def _open_another(*_: object, **__: object) -> NoReturn:
    raise PermissionError("a media file may not open another")


@contextmanager
def open_media(file: ObjectFile) -> Iterator["InputContainer"]:
    """The file as PyAV reads it. Raises NotMedia, from inside the block too."""
    file.seek(0)
    try:
        with av.open(
            file, "r", options=_OPTIONS, metadata_errors="replace", buffer_size=_READ_BYTES, io_open=_open_another
        ) as container:
            yield container
    except (av.FFmpegError, UnicodeDecodeError, MemoryError) as error:
        raise NotMedia(f"it cannot be read as {ACCEPTED}") from error


def pictures(container: "InputContainer") -> "list[Stream]":
    """The streams with a moving picture: a cover does not move."""
    return [stream for stream in container.streams.video if not stream.disposition & _COVERS]


def main_stream(container: "InputContainer") -> "Stream":
    """The moving picture if there is one, else the sound. Raises NotMedia where there is neither."""
    streams = [*pictures(container), *container.streams.audio]
    if not streams:
        raise NotMedia("there is neither sound nor picture in it")
    return streams[0]


def allow_decoding(stream: "Stream") -> None:
    """Prepare a stream for being decoded. Raises NotMedia for a decoder or picture that is not accepted."""
    codec: Any = stream.codec_context
    if codec is None or codec.codec.name not in DECODERS:
        name = codec.codec.canonical_name if codec is not None else "unknown"
        raise NotMedia(f"its codec ({name}) is not accepted")
    if stream.type == "video" and codec.width * codec.height > MAX_PIXELS:
        raise NotMedia(f"its picture has {codec.width} × {codec.height} pixels, and at most {MAX_PIXELS} are accepted")
    codec.thread_count = 1


def frames_of(packet: "Packet[Any]") -> "list[Any]":
    """The packet's frames, none if it is damaged."""
    try:
        return packet.decode()
    except av.FFmpegError:
        return []
