"""Joins files into one by copying their packets, one file after another on one time line, into a common container.

Nothing is decoded if the tracks at the same place have the same codec and parameters in all files. Otherwise all files
are encoded again (`transcoding`) or, if that would take too long, those with other tracks are left out.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

import av

from gateway.media.decoding.demuxing import AV_TIME_BASE, open_media, tracks_of
from gateway.media.decoding.file_parts import FilePart, Kind, TrackId, parts_of
from gateway.media.decoding.object_file import ObjectFile
from gateway.media.decoding.transcoding import REPEATABLE, can_encode, encode
from gateway.media.facts import NotMedia

if TYPE_CHECKING:
    from av.container import InputContainer, OutputContainer
    from av.packet import Packet
    from av.stream import Stream

_WEBM_CODECS: Final = {"vp8", "vp9", "av1", "opus", "vorbis"}
# Packets of these contain all that a decoder needs. The others need a header, which a container contains only once.
_IN_BAND: Final = {"opus", "mp3", "flac", "vp8", "vp9", "av1"}
# Containers with the same packet format: packets can be copied from one to another.
_EXCHANGEABLE: Final = {"matroska", "mov", "ogg"}
# Files of these containers can only be joined with files of the same container.
_OWN_MUXERS: Final[Mapping[str, str]] = {"mp3": "mp3", "aac": "adts", "mov": "mp4"}
_OPTIONS: Final[Mapping[str, Mapping[str, str]]] = {
    "mp4": {"movflags": "frag_keyframe+delay_moov+default_base_moof", "frag_duration": "2000000"},
    "mp3": {"write_xing": "0", "id3v2_version": "0"},
}


class Output:
    """A file object for PyAV that can only be appended to."""

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self._write = write

    def write(self, content: bytes) -> int:
        """Pass the next bytes on."""
        self._write(bytes(content))
        return len(content)


def join(files: Sequence[ObjectFile], write: Callable[[bytes], None]) -> int:
    """Write the joined file; return how many files it lacks wholly or in part. Raises NotMedia if none can be read."""
    found = [sources for file in files if (sources := list(_sources_of(file)))]
    sources = [source for each in found for source in each]
    if not sources:
        raise NotMedia("none of its files can be read")
    left_out = len(files) - len(found)
    if _muxer(sources) is None and not can_encode(sources):
        like = next(source.tracks for source in sources if source.pixels)
        left_out += sum(source.tracks != like for source in sources)
        sources = [source for source in sources if source.tracks == like]
    muxer = _muxer(sources)
    if muxer is None:
        return left_out + encode(sources, Output(write))
    return left_out + _copy(sources, muxer, Output(write))


def _sources_of(file: ObjectFile) -> Iterator[FilePart]:
    parts = parts_of(file)
    for window in parts.windows:
        with suppress(NotMedia), open_media(window, parts.container.demuxer) as container:
            tracks = {track_id: _kind(track) for track_id, track in _tracks_by_id(container).items()}
            pictures = [
                track.codec_context for track_id, track in _tracks_by_id(container).items() if track_id[0] == "video"
            ]
            pixels = max((each.width * each.height for each in pictures), default=0)
            name = container.format.name.partition(",")[0]
            yield FilePart(
                window, name, tracks, (container.duration or 0) / AV_TIME_BASE or _counted(container), pixels
            )
    file.release()


def _tracks_by_id(container: "InputContainer") -> Mapping[TrackId, Any]:
    found: dict[TrackId, Stream] = {}
    for track in tracks_of(container):
        found[track.type, sum(track_id[0] == track.type for track_id in found)] = track
    return found


def _kind(track: Any) -> Kind:
    codec = track.codec_context
    name = codec.codec.canonical_name
    header = None if name in _IN_BAND else codec.extradata
    if track.type == "video":
        return name, header
    return name, header, codec.sample_rate, None if name == "opus" else codec.channels


def _counted(container: "InputContainer") -> float:
    """How many seconds a file plays, if its headers do not say it: all packets are read."""
    end = Fraction(0)
    for packet in _packets(container, tracks_of(container)):
        if packet.pts is not None and packet.time_base is not None:
            end = max(end, (packet.pts + (packet.duration or 0)) * packet.time_base)
    return float(end - _start(container))


def _packets(container: "InputContainer", tracks: "Iterable[Stream]") -> "Iterator[Packet[Any]]":
    """The packets of these tracks, up to the first damaged place."""
    with suppress(av.FFmpegError):
        yield from container.demux(list(tracks))


def _start(container: "InputContainer") -> Fraction:
    """When the file begins, in seconds. An encoder's priming samples have negative times, which count as 0."""
    return max(Fraction(container.start_time or 0, AV_TIME_BASE), Fraction(0))


def _muxer(sources: Sequence[FilePart]) -> str | None:
    """The muxer of a file that can contain the packets of all sources; None if they have to be encoded again."""
    kinds: dict[TrackId, Kind] = {}
    if any(kinds.setdefault(track_id, kind) != kind for source in sources for track_id, kind in source.tracks.items()):
        return None
    demuxers = {source.demuxer for source in sources}
    if len(demuxers) == 1 and (own := _OWN_MUXERS.get(sources[0].demuxer)):
        return own
    if not demuxers <= _EXCHANGEABLE:
        return None
    return "webm" if {kind[0] for kind in kinds.values()} <= _WEBM_CODECS else "matroska"


def _copy(sources: Sequence[FilePart], muxer: str, file: Output) -> int:
    """Write one file with the packets of all sources, and return how many could not be copied whole."""
    failed = 0
    options = {**REPEATABLE, **_OPTIONS.get(muxer, {})}
    with av.open(file, "w", format=muxer, options=options) as output:
        total = sum(source.seconds for source in sources)
        tracks: dict[TrackId, _Track] = {}
        for source in sources:
            if not source.tracks.keys() <= tracks.keys():
                with open_media(source.file, source.demuxer) as container:
                    for track_id, track in _tracks_by_id(container).items():
                        tracks[track_id] = tracks.get(track_id) or _Track(output, track, total)
        offset = Fraction(0)
        for source in sources:
            try:
                with open_media(source.file, source.demuxer) as container:
                    offset = _copy_packets(container, tracks, offset)
            except NotMedia:
                failed += 1
            source.file.release()
    return failed


class _Track:
    """A track of the output. It writes packets with increasing decoding times."""

    def __init__(self, output: "OutputContainer", template: "Stream", seconds: float) -> None:
        self._output = output
        self.stream: Any = output.add_stream_from_template(template)
        # Matroska writes the duration into the header, and the output cannot seek back to that.
        minutes, rest = divmod(seconds, 60)
        hours, minutes = divmod(int(minutes), 60)
        self.stream.metadata["DURATION"] = f"{hours:02}:{minutes:02}:{rest:012.9f}"
        self._last: Fraction | None = None

    def put(self, packet: Any) -> None:
        """Write the packet, with later times if it would not follow the one before."""
        later = 0 if self._last is None else int(self._last / packet.time_base) + 1
        if packet.dts is None:  # Matroska has none, and FFmpeg guesses them from the third picture on
            packet.dts = min(later, packet.pts)
        if self._last is not None and packet.dts < later:
            packet.pts, packet.dts = max(packet.pts, later), later
        self._last = packet.dts * packet.time_base
        packet.stream = self.stream
        self._output.mux(packet)


def _copy_packets(container: "InputContainer", tracks: Mapping[TrackId, _Track], offset: Fraction) -> Fraction:
    """Write the packets from the time `offset` on, and return when they end."""
    inputs = _tracks_by_id(container)
    to = {track.index: tracks[track_id] for track_id, track in inputs.items()}
    end, start = offset, _start(container)
    for packet in _packets(container, inputs.values()):
        if packet.pts is None or packet.time_base is None:
            continue
        shift = round((offset - start) / packet.time_base)
        packet.pts += shift
        packet.dts = None if packet.dts is None else packet.dts + shift
        end = max(end, (packet.pts + (packet.duration or 0)) * packet.time_base)
        to[packet.stream.index].put(packet)
    return end
