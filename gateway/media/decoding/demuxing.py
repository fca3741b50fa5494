"""Opens containers with PyAV: only the demuxers and decoders that `formats` lists, no other file, network or thread.

A playlist (m3u8, concat, sdp) therefore cannot open the files that it names.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, NoReturn

import av
from av.stream import Disposition

from gateway.media.decoding.object_file import ObjectFile
from gateway.media.facts import NotMedia
from gateway.media.formats import ACCEPTED, DECODERS, DEMUXERS, MAX_PIXELS

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer
    from av.packet import Packet
    from av.stream import Stream

AV_TIME_BASE: Final = 1_000_000
_READ_BYTES: Final = 1 << 16
_COVERS: Final = Disposition.attached_pic | Disposition.timed_thumbnails
_OPTIONS: Final = {
    "format_whitelist": ",".join(DEMUXERS),
    "codec_whitelist": ",".join(sorted(DECODERS)),
    "protocol_whitelist": "none",
    "probesize": str(1 << 20),
}
# A timestamp that is this much earlier than the latest one begins another time line.
_RESTART_SECONDS: Final = 1


def _open_another(*_: object, **__: object) -> NoReturn:
    raise PermissionError("a media file may not open another")


@contextmanager
def open_media(file: ObjectFile, demuxer: str = "") -> Iterator["InputContainer"]:
    """Open the file with PyAV, with this demuxer if it is known. Its errors, in the block too, become NotMedia."""
    file.seek(0)
    try:
        with av.open(
            file,
            "r",
            format=demuxer or None,
            options=_OPTIONS,
            metadata_errors="replace",
            buffer_size=_READ_BYTES,
            io_open=_open_another,
        ) as container:
            yield container
    except (av.FFmpegError, UnicodeDecodeError, MemoryError) as error:
        raise NotMedia(f"it cannot be read as {ACCEPTED}") from error


def tracks_of(container: "InputContainer") -> "list[Stream]":
    """The tracks with known codecs: moving pictures (not covers), then sound. Raises NotMedia if there are none."""
    pictures = [stream for stream in container.streams.video if not stream.disposition & _COVERS]
    tracks: list[Stream] = [*pictures, *container.streams.audio]
    if not tracks:
        raise NotMedia("there is neither sound nor picture in it")
    known = [track for track in tracks if _is_known(track)]
    if not known:
        raise NotMedia("its codec is not known")
    return known


def sound_of(container: "InputContainer") -> "AudioStream | None":
    """The first sound track whose codec is known; None without one."""
    return next((stream for stream in container.streams.audio if _is_known(stream)), None)


def _is_known(stream: "Stream") -> bool:
    codec: Any = stream.codec_context  # None for a codec that FFmpeg does not know, whatever PyAV's types say
    return codec is not None


def allow_decoding(stream: "Stream") -> None:
    """Prepare a stream for decoding. Raises NotMedia for a codec or a picture size that is not accepted."""
    codec: Any = stream.codec_context
    if codec.codec.name not in DECODERS:
        raise NotMedia(f"its codec ({codec.codec.canonical_name}) is not accepted")
    if stream.type == "video" and codec.width * codec.height > MAX_PIXELS:
        raise NotMedia(f"its picture has {codec.width} × {codec.height} pixels, and at most {MAX_PIXELS} are accepted")
    codec.thread_count = 1


class Packets:
    """The packets of some streams that a player plays: up to a damaged place, or to where the time line restarts."""

    def __init__(self, container: "InputContainer", streams: "Sequence[Stream]") -> None:
        self._container = container
        self._streams = streams
        self.restarted = False
        """Whether the time line restarted, so that nothing after that is played."""

    def __iter__(self) -> "Iterator[Packet[Any]]":
        latest: dict[int, int] = {}
        ends = {stream.index: end for stream in self._streams if (end := _trimmed_end(self._container, stream))}
        try:
            for packet in self._container.demux(list(self._streams)):
                time = packet.pts if packet.dts is None else packet.dts
                # Discarded packets belong to no time line, but a decoder needs them.
                if time is not None and not packet.is_discard:
                    if time >= ends.get(packet.stream_index, time + 1):
                        continue
                    before = latest.get(packet.stream_index, time)
                    if time < before and (before - time) * packet.time_base > _RESTART_SECONDS:
                        self.restarted = True
                        return
                    latest[packet.stream_index] = max(time, before)
                yield packet
        except av.FFmpegError:
            return


def _trimmed_end(container: "InputContainer", stream: "Stream") -> int | None:
    """Where an Ogg stream ends by its last page (RFC 7845 section 4.4), which may be before its last packets."""
    if container.format.name != "ogg" or stream.type != "audio" or stream.duration is None:
        return None
    return stream.duration + (stream.start_time or 0)


def frames_of(packet: "Packet[Any]") -> "list[Any]":
    """The packet's decoded frames; none if it is damaged."""
    try:
        return packet.decode()
    except av.FFmpegError:
        return []
