"""Samples in, the loudest level of each stretch out: the shape that a player draws.

A signal arrives piece by piece, in any order and cut anywhere: the bins are the same. It is held in bounded memory as
windows, each with the loudest level in it; when all windows are in use, they become half as many, twice as long.
"""

from dataclasses import dataclass
from typing import Final

BINS: Final = 1000
"""How many bins a waveform has, whatever its length."""

_FIRST_WINDOW: Final = 64
_WINDOWS: Final = 16_384
_LOUDEST: Final = 127
# An unsigned sample of 8 bits has its silence between 127 and 128: both are level 0, the ends are level 127.
_LEVELS: Final = bytes(_LOUDEST - sample if sample <= _LOUDEST else sample - _LOUDEST - 1 for sample in range(256))
_NOT_ABOVE: Final = tuple(
    bytes(sample for sample in range(256) if _LEVELS[sample] <= level) for level in range(_LOUDEST + 1)
)
# A level as a bin shows it: 0 is silence, 255 full scale.
_SHOWN: Final = bytes(min(level * 255 // _LOUDEST, 255) for level in range(256))
# This many samples give a first idea of a window's level.
_GLANCE: Final = 64


@dataclass(frozen=True, slots=True)
class Waveform:
    """`bins` are levels (0 silence, 255 full scale) that evenly cover the first `seconds_covered` of the recording.

    There are BINS of them, or none while nothing is known. `complete`: nothing more will come. `fault` says why
    there is no waveform, in words that a client may read; "" where there is one.
    """

    bins: bytes = b""
    seconds_covered: float = 0.0
    complete: bool = False
    fault: str = ""


class Peaks:
    """A signal's windows. `windows` is their number, a power of two; memory is one byte for each."""

    def __init__(self, windows: int = _WINDOWS) -> None:
        self._levels = bytearray(windows)
        self._window = _FIRST_WINDOW
        self.end = 0
        """Where the signal ends, in samples from its beginning."""

    def add(self, first: int, samples: bytes, channels: int = 1) -> None:
        """Take unsigned samples of 8 bits, the channels in turn, of which the first is at position `first` >= 0."""
        end = first + len(samples) // channels
        self.end = max(self.end, end)
        while self.end > self._window * len(self._levels):
            self._widen()
        while first < end:
            index = first // self._window
            stop = min((index + 1) * self._window, end)
            # From the back, where the position of `end` is known.
            piece = samples[len(samples) - (end - first) * channels : len(samples) - (end - stop) * channels]
            self._levels[index] = _loudest(piece, self._levels[index])
            first = stop

    def bins(self) -> bytes:
        """The loudest level of each bin; b"" for no signal. A window that belongs to two bins counts in both."""
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

    Leaving out what is not louder runs at the speed of memory, and after a glance hardly anything is.
    """
    for part in (samples[:_GLANCE], samples):
        level = max(part.translate(_LEVELS, _NOT_ABOVE[level]), default=level)
    return level
