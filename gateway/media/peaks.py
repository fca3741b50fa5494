"""Computes the waveform that a player draws: the loudest level in each of BINS equal parts of a signal.

The samples may arrive in any order and in pieces of any length; the result is the same. Memory is bounded: the signal is
stored as windows, each with its loudest level. When all windows are used, neighbours are merged in pairs.
"""

from dataclasses import dataclass
from typing import Final

BINS: Final = 1000
"""How many bins a waveform has, whatever its length."""

_FIRST_WINDOW: Final = 64
_WINDOWS: Final = 16_384
_LOUDEST: Final = 127
# The silence of unsigned 8-bit samples is between 127 and 128: both are level 0, and 0 and 255 are level 127.
_LEVELS: Final = bytes(_LOUDEST - sample if sample <= _LOUDEST else sample - _LOUDEST - 1 for sample in range(256))
_NOT_ABOVE: Final = tuple(
    bytes(sample for sample in range(256) if _LEVELS[sample] <= level) for level in range(_LOUDEST + 1)
)
# Maps a level to the value of a bin: 0 is silence, 255 full scale.
_SHOWN: Final = bytes(min(level * 255 // _LOUDEST, 255) for level in range(256))
# The first samples of a window, which give an estimate of its level.
_FIRST_SAMPLES: Final = 64


@dataclass(frozen=True, slots=True)
class Waveform:
    """`bins` are levels (0 silence, 255 full scale) that evenly cover the first `seconds_covered` of the recording.

    There are BINS of them, or none before the first is known. `complete`: the waveform will not change any more.
    `fault` is the reason why there is no waveform, as a text for clients; "" if there is one.
    """

    bins: bytes = b""
    seconds_covered: float = 0.0
    complete: bool = False
    fault: str = ""


class Peaks:
    """The loudest level in each window of a signal. The number of `windows` is a power of two; each takes one byte."""

    def __init__(self, windows: int = _WINDOWS) -> None:
        self._levels = bytearray(windows)
        self._window = _FIRST_WINDOW
        self.end = 0
        """Where the signal ends, in samples from its beginning."""

    def add(self, first: int, samples: bytes, channels: int = 1) -> None:
        """Add unsigned 8-bit samples with interleaved channels; the first is at position `first` >= 0."""
        end = first + len(samples) // channels
        self.end = max(self.end, end)
        while self.end > self._window * len(self._levels):
            self._widen()
        while first < end:
            index = first // self._window
            stop = min((index + 1) * self._window, end)
            # Count from the back: `end` does not change in this loop, and `first` does.
            piece = samples[len(samples) - (end - first) * channels : len(samples) - (end - stop) * channels]
            self._levels[index] = _loudest(piece, self._levels[index])
            first = stop

    def bins(self) -> bytes:
        """The loudest level of each bin; b"" without a signal. A window that overlaps two bins counts in both."""
        if not self.end:
            return b""
        parts = BINS * self._window
        edges = ((n * self.end // parts, -(-(n + 1) * self.end // parts)) for n in range(BINS))
        return bytes(max(self._levels[start:stop]) for start, stop in edges).translate(_SHOWN)

    def _widen(self) -> None:
        halved = bytes(map(max, self._levels[::2], self._levels[1::2]))
        self._levels = bytearray(halved.ljust(len(self._levels), b"\0"))
        self._window *= 2


def _loudest(samples: bytes, level: int) -> int:
    """The loudest level of the samples, or `level` if none is louder.

    Deleting the samples that are not louder runs at memory speed, and after the _FIRST_SAMPLES few others are left.
    """
    parts = (samples[:_FIRST_SAMPLES], samples) if len(samples) > 2 * _FIRST_SAMPLES else (samples,)
    for part in parts:
        level = max(part.translate(_LEVELS, _NOT_ABOVE[level]), default=level)
    return level
