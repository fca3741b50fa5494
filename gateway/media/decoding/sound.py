"""Decodes a file's sound to 8-bit samples on the recording's time line, and computes its waveform."""

from collections.abc import Callable
from fractions import Fraction
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler

from gateway.media.decoding import demuxing
from gateway.media.decoding.file_parts import parts_of
from gateway.media.decoding.images import find_image
from gateway.media.decoding.object_file import ObjectFile
from gateway.media.facts import NotMedia
from gateway.media.peaks import Peaks

if TYPE_CHECKING:
    from av.audio.stream import AudioStream
    from av.container import InputContainer

_REPORT_SECONDS: Final = 0.5

# Called with the microseconds covered so far, and the bins.
Report = Callable[[int, bytes], None]


def compute_waveform(file: ObjectFile, report: Report) -> tuple[int, bytes] | None:
    """The microseconds of sound and its bins; None without sound. Raises NotMedia if nothing can be decoded."""
    if find_image(file) is not None:
        return None
    parts, sound = parts_of(file), None
    for window in parts.windows:
        with demuxing.open_media(window, parts.container.demuxer) as container:
            if not container.streams.audio:
                return None
            stream = demuxing.sound_of(container)
            if stream is None or not stream.codec_context.sample_rate:
                raise NotMedia("its codec is not known")
            sound = sound or _Sound(stream.codec_context.sample_rate, report)
            sound.decode(container, stream)
    if sound is None or not sound.peaks.end:
        raise NotMedia("nothing in it can be decoded")
    return sound.covered()


def count_decoded(file: ObjectFile) -> int:
    """How many microseconds of the first sound track (or picture, without sound) can be decoded. Raises NotMedia."""
    parts, total = parts_of(file), Fraction(0)
    for window in parts.windows:
        with demuxing.open_media(window, parts.container.demuxer) as container:
            track = demuxing.sound_of(container) or demuxing.tracks_of(container)[0]
            demuxing.allow_decoding(track)
            tick = track.time_base or Fraction(0)
            for packet in demuxing.Packets(container, [track]):
                for frame in demuxing.frames_of(packet):
                    is_sound = isinstance(frame, AudioFrame)
                    total += Fraction(frame.samples, frame.sample_rate) if is_sound else (packet.duration or 0) * tick
    return int(total * 1_000_000)


class _Sound:
    """Computes the peaks of the first sound track over all parts."""

    def __init__(self, rate: int, report: Report) -> None:
        self._rate = rate
        self._report = report
        self._due = monotonic() + _REPORT_SECONDS
        self._shape: tuple[object, ...] = ()
        self._resampler: Any = None
        self._origin = Fraction(0)
        self._part_begins = 0
        self.peaks = Peaks()

    def covered(self) -> tuple[int, bytes]:
        """The microseconds covered so far, and the bins."""
        return self.peaks.end * 1_000_000 // self._rate, self.peaks.bins()

    def decode(self, container: "InputContainer", stream: "AudioStream") -> None:
        """Append a part to those before. What cannot be decoded is left out."""
        demuxing.allow_decoding(stream)
        self._origin = Fraction(container.start_time or 0, demuxing.AV_TIME_BASE)
        self._part_begins = self.peaks.end
        for packet in demuxing.Packets(container, [stream]):
            for frame in demuxing.frames_of(packet):
                self._take(frame)
            if monotonic() >= self._due and self.peaks.end:
                self._report(*self.covered())
                self._due = monotonic() + _REPORT_SECONDS

    def _take(self, frame: "AudioFrame") -> None:
        position = self._position(frame)
        for piece in self._resample(frame):
            channels = piece.layout.nb_channels
            # A plane may be longer than its samples.
            self.peaks.add(position, bytes(piece.planes[0])[: piece.samples * channels], channels)
            position += piece.samples

    def _position(self, frame: "AudioFrame") -> int:
        """Where the frame begins, in samples; a frame without a timestamp begins where the samples so far end."""
        if frame.pts is None or frame.time_base is None:
            return self.peaks.end
        seconds = frame.pts * frame.time_base - self._origin
        return self._part_begins + max(round(seconds * self._rate), 0)

    def _resample(self, frame: "AudioFrame") -> "list[AudioFrame]":
        shape = (frame.format.name, frame.layout.name, frame.sample_rate)
        if shape != self._shape:  # for the first frame, and where streams of different formats were joined
            self._shape, self._resampler = shape, AudioResampler(format="u8", rate=self._rate)
        resampled: list[AudioFrame] = self._resampler.resample(frame)
        return resampled
