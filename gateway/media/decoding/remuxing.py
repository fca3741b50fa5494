"""Joins files into one: their packets, one file after another on one time line, in a container of the first file's kind.

Nothing is decoded where the tracks have the same codecs. Sound in a container that cannot be joined so (FLAC, WAV of
different formats, different containers) is decoded and encoded as FLAC, which loses nothing.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

import av
from av.audio.resampler import AudioResampler

from gateway.media.decoding.demuxing import open_media, tracks_of
from gateway.media.decoding.object_file import ObjectFile
from gateway.media.facts import NotMedia

if TYPE_CHECKING:
    from av.container import InputContainer, OutputContainer
    from av.stream import Stream

_WEBM_CODECS: Final = {"vp8", "vp9", "av1", "opus", "vorbis"}
_MATROSKA: Final = "matroska,webm"
# The same files make the same bytes: no random ids, no time of writing.
_REPEATABLE: Final = {"fflags": "bitexact"}
_FRAGMENTED: Final = {"movflags": "frag_keyframe+empty_moov+default_base_moof", "frag_duration": "2000000"}
_BYTES_OF_S16: Final = 2
_TIME_BASE: Final = Fraction(1, 1_000_000)


class Output:
    """A file that can only be written on and on."""

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self._write = write

    def write(self, content: bytes) -> int:
        """Take the next bytes."""
        self._write(bytes(content))
        return len(content)


def join(files: Sequence[ObjectFile], write: Callable[[bytes], None]) -> int:
    """Write the join; how many files could not be read and are not part of it. Raises NotMedia if none could be."""
    shapes = [_shape(file) for file in files]
    readable = [file for file, shape in zip(files, shapes, strict=True) if shape is not None]
    if not readable:
        raise NotMedia("none of its files can be read")
    shape = next(shape for shape in shapes if shape is not None)
    alike = {each for each in shapes if each is not None} == {shape}
    if alike and shape[0] in {_MATROSKA, "mov,mp4,m4a,3gp,3g2,mj2"}:
        _copy(readable, shape, write)
    else:
        _encode(readable, write)
    return len(files) - len(readable)


Shape = tuple[str, tuple[str, ...]]


def _shape(file: ObjectFile) -> Shape | None:
    """The file's demuxer and the codecs of its tracks; None if it cannot be read."""
    try:
        with open_media(file) as container:
            return container.format.name, tuple(_codec(track) for track in tracks_of(container))
    except NotMedia:
        return None


def _codec(track: "Stream") -> str:
    context: Any = track.codec_context
    return str(context.codec.canonical_name)


def _copy(files: Sequence[ObjectFile], shape: Shape, write: Callable[[bytes], None]) -> None:
    """One file with the packets of all."""
    demuxer, codecs = shape
    options = _REPEATABLE if demuxer == _MATROSKA else _REPEATABLE | _FRAGMENTED
    name = "mp4" if demuxer != _MATROSKA else "webm" if set(codecs) <= _WEBM_CODECS else "matroska"
    with av.open(Output(write), "w", format=name, options=options) as output:
        tracks: list[_Track] = []
        offset = Fraction(0)
        for file in files:
            with suppress(NotMedia), open_media(file) as container:
                inputs = tracks_of(container)
                if not tracks:
                    total = _total_seconds(files)
                    tracks = [_Track(output, each, total) for each in inputs]
                offset = _copy_packets(container, inputs, tracks, offset)


def _total_seconds(files: Sequence[ObjectFile]) -> float:
    """How long the files play together; a file that does not say so is read to its end."""
    total = 0.0
    for file in files:
        with suppress(NotMedia), open_media(file) as container:
            total += (container.duration or 0) / 1_000_000 or _counted_seconds(container)
    return total


def _counted_seconds(container: "InputContainer") -> float:
    end = Fraction(0)
    with suppress(av.FFmpegError):
        for packet in container.demux(tracks_of(container)):
            if packet.pts is not None and packet.time_base is not None:
                end = max(end, (packet.pts + (packet.duration or 0)) * packet.time_base)
    return float(end - max((container.start_time or 0) * _TIME_BASE, Fraction(0)))


class _Track:
    """A track of the output; it hands on packets in the order of their decoding times."""

    def __init__(self, output: "OutputContainer", template: "Stream", seconds: float) -> None:
        self._output = output
        self.stream: Any = output.add_stream_from_template(template)
        # Matroska writes it into the header, to which nothing can return.
        minutes, rest = divmod(seconds, 60)
        hours, minutes = divmod(int(minutes), 60)
        self.stream.metadata["DURATION"] = f"{hours:02}:{minutes:02}:{rest:012.9f}"
        self._last: Fraction | None = None

    def put(self, packet: Any) -> None:
        """Write the packet, moved if it does not follow the one before."""
        if self._last is not None and packet.dts * packet.time_base <= self._last:
            later = int(self._last / packet.time_base) + 1
            packet.pts, packet.dts = max(packet.pts, later), later
        self._last = packet.dts * packet.time_base
        packet.stream = self.stream
        self._output.mux(packet)


def _copy_packets(
    container: "InputContainer", inputs: Sequence["Stream"], tracks: Sequence[_Track], offset: Fraction
) -> Fraction:
    """Write the packets from `offset` on; where they end."""
    places = {stream.index: track for stream, track in zip(inputs, tracks, strict=False)}
    # Sound that an encoder needs before the beginning has times before it.
    start = max((container.start_time or 0) * _TIME_BASE, Fraction(0))
    end = offset
    with suppress(av.FFmpegError):  # after a damaged place nothing follows
        for packet in container.demux(list(inputs)):
            if packet.dts is None or packet.pts is None or packet.time_base is None:
                continue
            shift = round((offset - start) / packet.time_base)
            packet.pts, packet.dts = packet.pts + shift, packet.dts + shift
            end = max(end, (packet.pts + (packet.duration or 0)) * packet.time_base)
            places[packet.stream.index].put(packet)
    return end


def _encode(files: Sequence[ObjectFile], write: Callable[[bytes], None]) -> None:
    """One FLAC file with the sound of all, at the first one's rate and with one or two channels."""
    with av.open(Output(write), "w", format="flac", options=_REPEATABLE) as output:
        encoder: _Encoder | None = None
        for file in files:
            for frame in _frames(file):
                encoder = encoder or _Encoder(output, frame)
                encoder.put(frame)
            if encoder is not None:
                encoder.end_of_file()
        if encoder is None:
            raise NotMedia("there is no sound in its files")
        encoder.end()


class _Encoder:
    """FLAC of the first frame's rate."""

    def __init__(self, output: "OutputContainer", frame: Any) -> None:
        self._output = output
        self._shape = {
            "format": "s16" if frame.format.bytes <= _BYTES_OF_S16 else "s32",
            "layout": "mono" if frame.layout.nb_channels == 1 else "stereo",
            "rate": frame.sample_rate,
        }
        self._stream: Any = output.add_stream("flac", rate=self._shape["rate"])
        self._stream.codec_context.layout = self._shape["layout"]
        self._stream.codec_context.format = self._shape["format"]
        self._resampler = AudioResampler(**self._shape)
        self._samples = 0

    def end_of_file(self) -> None:
        """Take what the resampler holds back; the next file may have another shape."""
        self.put(None)
        self._resampler = AudioResampler(**self._shape)

    def put(self, frame: Any) -> None:
        """Take the next frame."""
        if frame is not None:
            frame.pts = None
        for piece in self._resampler.resample(frame):
            piece.pts, piece.time_base = self._samples, Fraction(1, self._shape["rate"])
            self._samples += piece.samples
            self._output.mux(self._stream.encode(piece))

    def end(self) -> None:
        """Write what the encoder holds back."""
        self._output.mux(self._stream.encode(None))


def _frames(file: ObjectFile) -> Iterator[Any]:
    with suppress(NotMedia, av.FFmpegError), open_media(file) as container:
        for packet in container.demux(container.streams.audio[:1]):
            with suppress(av.FFmpegError):
                yield from packet.decode()
