"""A file's sound as a waveform: frames decoded, as samples of 8 bits on the recording's own time line."""

from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, cast

import av
from av.audio.resampler import AudioResampler

from gateway.media.decoding.containers import allow_decoding, frames_of, open_media
from gateway.media.decoding.images import find_image
from gateway.media.decoding.object_file import ObjectFile
from gateway.media.facts import NotMedia
from gateway.media.peaks import Peaks

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer

_REPORT_SECONDS: Final = 0.5
_AV_TIME_BASE: Final = 1_000_000

# Called with the microseconds that are covered so far, and the bins.
Report = Callable[[int, bytes], None]


def listen(file: ObjectFile, report: Report) -> tuple[int, bytes] | None:
    """The microseconds of sound and their bins; None without sound. Raises NotMedia if nothing can be decoded."""
    if find_image(file) is not None:
        return None
    with open_media(file) as container:
        if not container.streams.audio:
            return None
        sound = _Sound(container)
        sound.decode(report)
        if not sound.peaks.end:
            raise NotMedia("nothing in it can be decoded")
        return sound.covered()


class _Sound:
    """The first sound track's frames, as peaks."""

    def __init__(self, container: "InputContainer") -> None:
        self._container = container
        self._stream: AudioStream = container.streams.audio[0]
        allow_decoding(self._stream)
        self._shape: tuple[object, ...] = ()
        self._resampler: Any = None
        # PyAV has None where the container does not say.
        self._origin = (cast("int | None", container.start_time) or 0) / _AV_TIME_BASE
        self.rate = self._stream.codec_context.sample_rate
        self.peaks = Peaks()

    def covered(self) -> tuple[int, bytes]:
        """Microseconds, and bins."""
        return self.peaks.end * 1_000_000 // self.rate, self.peaks.bins()

    def decode(self, report: Report) -> None:
        """Take in frame after frame. What cannot be decoded is left out; nothing follows a damaged place."""
        due = monotonic() + _REPORT_SECONDS
        try:
            for packet in self._container.demux(self._stream):
                for frame in frames_of(packet):
                    self._take(frame)
                if monotonic() >= due and self.peaks.end:
                    report(*self.covered())
                    due = monotonic() + _REPORT_SECONDS
        except av.FFmpegError:
            pass

    def _take(self, frame: "AudioFrame") -> None:
        position = self._position(frame)
        for piece in self._resample(frame):
            channels = piece.layout.nb_channels
            # A plane may be longer than what is in it.
            self.peaks.add(position, bytes(piece.planes[0])[: piece.samples * channels], channels)
            position += piece.samples

    def _position(self, frame: "AudioFrame") -> int:
        """Where the frame begins, in samples; without a time of its own, after the one before."""
        if frame.time is None:
            return self.peaks.end
        return max(round((frame.time - self._origin) * self.rate), 0)

    def _resample(self, frame: "AudioFrame") -> "list[AudioFrame]":
        shape = (frame.format.name, frame.layout.name, frame.sample_rate)
        if shape != self._shape:  # at first, and where streams were joined
            self._shape, self._resampler = shape, AudioResampler(format="u8", rate=self.rate)
        resampled: list[AudioFrame] = self._resampler.resample(frame)
        return resampled
