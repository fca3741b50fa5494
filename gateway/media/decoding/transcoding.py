"""Joins files by decoding and encoding them again, if no container can contain the packets of all.

Sound alone becomes FLAC, which is lossless, at the first file's rate and with one or two channels. If there are moving
pictures, the result is a WebM file with Opus and VP8, in the size of the first picture.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

import av
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler

from gateway.media.decoding.demuxing import AV_TIME_BASE, allow_decoding, frames_of, open_media, sound_of, tracks_of
from gateway.media.decoding.file_parts import FilePart
from gateway.media.facts import NotMedia

if TYPE_CHECKING:
    from av.container import InputContainer, OutputContainer

# About an hour of 640 × 360 pixels. It takes a few minutes, and a decoding process has a quarter of an hour.
_MOST_PIXELS: Final = 20_000_000_000
_PICTURES_PER_SECOND: Final = 25
# A positive `cpu-used` follows the load of the machine, so that the same files would not result in the same bytes.
_PICTURES: Final = {"deadline": "realtime", "cpu-used": "-8", "lag-in-frames": "0"}
_PICTURE_BITS: Final = 1_500_000
_MILLISECOND: Final = Fraction(1, 1000)
_BYTES_OF_S16: Final = 2
REPEATABLE: Final = {"fflags": "bitexact"}
"""The same files result in the same bytes: no random ids, no time of writing."""


def can_encode(sources: Sequence[FilePart]) -> bool:
    """Whether a process has enough time to encode these sources."""
    return sum(each.seconds * each.pixels for each in sources) * _PICTURES_PER_SECOND <= _MOST_PIXELS


def encode(sources: Sequence[FilePart], file: Any) -> int:
    """Write one file that plays all sources, one after another.

    Returns how many are not part of it, or not whole. Raises NotMedia if nothing can be decoded.
    """
    failed = 0
    moving = any(source.pixels for source in sources)
    with av.open(file, "w", format="webm" if moving else "flac", options=REPEATABLE) as output:
        joined = _Joined(output, sources, moving=moving)
        for source in sources:
            try:
                with open_media(source.file, source.demuxer) as container:
                    joined.add(container)
            except NotMedia:
                failed += 1
            source.file.release()
        joined.end()
    return failed


class _Joined:
    """The output file. Its tracks are created before the first packet, also those that only a later source has."""

    def __init__(self, output: "OutputContainer", sources: Sequence[FilePart], *, moving: bool) -> None:
        self._sound: _SoundEncoder | None = None
        self._pictures: _PictureEncoder | None = None
        for source in sources:
            with suppress(NotMedia), open_media(source.file, source.demuxer) as container:
                first, sound = tracks_of(container)[0], sound_of(container)
                if first.type == "video" and self._pictures is None:
                    self._pictures = _PictureEncoder(output, first.codec_context)
                if sound is not None and self._sound is None:
                    self._sound = _SoundEncoder(output, sound.codec_context, "libopus" if moving else "flac")
        self._offset = Fraction(0)

    def add(self, container: "InputContainer") -> None:
        """Append a file's first picture track and first sound track to what was added before."""
        first, sound = tracks_of(container)[0], sound_of(container)
        chosen = [track for track in (first if first.type == "video" else None, sound) if track is not None]
        start = max(Fraction(container.start_time or 0, AV_TIME_BASE), Fraction(0))
        if self._sound is not None and self._pictures is not None:
            self._sound.be_silent_until(self._offset)
        end = self._offset
        for track in chosen:
            allow_decoding(track)
        for packet, frame in _frames(container, chosen):
            if packet.stream.type == "audio" and self._sound is not None:
                self._sound.put(frame)
            elif self._pictures is not None and frame.time is not None:
                shown_at = self._offset + Fraction(frame.pts) * frame.time_base - start
                self._pictures.put(frame, shown_at)
                end = max(end, shown_at + (packet.duration or 0) * packet.time_base)
        if self._sound is not None:
            self._sound.end_of_file()
            end = max(end, self._sound.seconds)
        self._offset = end

    def end(self) -> None:
        """Flush the encoders. Raises NotMedia if nothing was decoded."""
        if not self._offset:
            raise NotMedia("nothing in its files can be decoded")
        for encoder in (self._pictures, self._sound):
            if encoder is not None:
                encoder.end()


def _frames(container: "InputContainer", tracks: "Sequence[Any]") -> Iterator[tuple[Any, Any]]:
    with suppress(av.FFmpegError):  # nothing after a damaged place is read
        for packet in container.demux(list(tracks)):
            for frame in frames_of(packet):
                yield packet, frame


class _PictureEncoder:
    """Encodes VP8 in the size of the first picture."""

    def __init__(self, output: "OutputContainer", first: Any) -> None:
        self._output = output
        self._stream: Any = output.add_stream("libvpx", rate=_PICTURES_PER_SECOND, options=_PICTURES)
        codec = self._stream.codec_context
        codec.width, codec.height = first.width + first.width % 2, first.height + first.height % 2
        codec.pix_fmt, codec.bit_rate, codec.time_base, codec.thread_count = "yuv420p", _PICTURE_BITS, _MILLISECOND, 1
        self._codec = codec
        self._last = -1

    def put(self, frame: Any, seconds: Fraction) -> None:
        """Encode a picture; one that is not later than the one before is left out."""
        milliseconds = round(seconds / _MILLISECOND)
        if milliseconds <= self._last:
            return
        scaled = frame.reformat(self._codec.width, self._codec.height, "yuv420p", threads=1)
        scaled.pts, scaled.time_base, self._last = milliseconds, _MILLISECOND, milliseconds
        scaled.pict_type = 0
        self._output.mux(self._stream.encode(scaled))

    def end(self) -> None:
        """Flush the encoder."""
        self._output.mux(self._stream.encode(None))


class _SoundEncoder:
    """Encodes FLAC at the first file's rate, or Opus."""

    def __init__(self, output: "OutputContainer", first: Any, encoder: str) -> None:
        self._output = output
        small = encoder != "flac" or first.format is None or first.format.bytes <= _BYTES_OF_S16
        self._format = "s16" if small else "s32"
        self._layout = "mono" if first.channels == 1 else "stereo"
        self._rate: int = first.sample_rate if encoder == "flac" else 48_000
        self._stream: Any = output.add_stream(encoder, rate=self._rate)
        codec: Any = self._stream.codec_context
        codec.layout, codec.format = self._layout, self._format
        codec.open()
        self._samples = 0
        self._fifo = av.AudioFifo()
        self._resampler = self._new_resampler()

    def _new_resampler(self) -> AudioResampler:
        return AudioResampler(format=self._format, layout=self._layout, rate=self._rate)

    @property
    def seconds(self) -> Fraction:
        """How much sound was added."""
        return Fraction(self._samples, self._rate)

    def put(self, frame: Any) -> None:
        """Encode the next frame; None flushes the resampler."""
        if frame is not None:
            frame.pts = None
        for piece in self._resampler.resample(frame):
            self._write(piece)

    def end_of_file(self) -> None:
        """Flush the resampler and replace it, because the next file may have another format."""
        self.put(None)
        self._resampler = self._new_resampler()

    def be_silent_until(self, seconds: Fraction) -> None:
        """Add silence up to `seconds`, if the pictures before were longer than their sound."""
        missing = round((seconds - self.seconds) * self._rate)
        while missing > 0:
            silence = AudioFrame(format=self._format, layout=self._layout, samples=min(missing, 4800))
            for plane in silence.planes:
                plane.update(bytes(plane.buffer_size))
            silence.rate = self._rate
            missing -= silence.samples
            self._write(silence)

    def _write(self, frame: Any) -> None:
        frame.pts, frame.time_base = self._samples, Fraction(1, self._rate)
        self._samples += frame.samples
        self._fifo.write(frame)
        # An encoder requires frames of a fixed size; only the last one may be shorter.
        for piece in self._fifo.read_many(self._stream.codec_context.frame_size):
            self._output.mux(self._stream.encode(piece))

    def end(self) -> None:
        """Flush the buffered samples and the encoder."""
        rest = self._fifo.read()
        if rest is not None:
            self._output.mux(self._stream.encode(rest))
        self._output.mux(self._stream.encode(None))
