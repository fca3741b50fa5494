"""MP3 frames (ISO/IEC 11172-3 section 2.4.2.3) sampled over a file, to find its length without reading all of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from gateway.media.decoding.structure import Bytes

_SPOTS: Final = 8
_SPOT_BYTES: Final = 16_384
# kbit/s of Layer III by the header's index, for MPEG 1 and for MPEG 2 and 2.5.
_BIT_RATES: Final = (
    (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
)
_SAMPLE_RATES: Final = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
# How far the samples may be from a header's claim that they support.
_TOLERANCE: Final = 0.25


@dataclass(frozen=True, slots=True)
class Mp3Frame:
    """One frame's header: the bytes of the frame, its seconds, and its bit rate in kbit/s."""

    size: int
    seconds: float
    bit_rate: int


def certain_seconds(file: Bytes, claimed: float | None, *, has_header: bool) -> float | None:
    """The length: what a constant bit rate makes of the file's size, or a Xing header's claim that samples support."""
    frames = [frame for spot in range(_SPOTS) for frame in _frames(file, file.size * spot // _SPOTS)]
    seconds, size = sum(frame.seconds for frame in frames), sum(frame.size for frame in frames)
    if not seconds or not size:
        return None
    estimate = file.size * seconds / size
    if len({frame.bit_rate for frame in frames}) == 1:
        return estimate
    supported = claimed is not None and abs(claimed - estimate) <= estimate * _TOLERANCE
    return claimed if has_header and supported else None


def _frames(file: Bytes, start: int) -> Iterator[Mp3Frame]:
    """The frames of a spot, from the first that two others follow."""
    spot = file.at(start, _SPOT_BYTES)
    for begin in range(len(spot)):
        found = list(_row(spot, begin))
        if len(found) > 2:
            yield from found[1:]  # the first may be a Xing header
            return


def _row(spot: bytes, position: int) -> Iterator[Mp3Frame]:
    while (frame := _frame(spot[position : position + 4])) is not None:
        yield frame
        position += frame.size


def _frame(head: bytes) -> Mp3Frame | None:
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2:
        return None
    version, rate, sampling = head[1] >> 3 & 3, head[2] >> 4, head[2] >> 2 & 3
    if version == 1 or rate in {0, 15} or sampling == 3:
        return None
    sample_rate = _SAMPLE_RATES[version][sampling]
    bit_rate = _BIT_RATES[version != 3][rate]
    samples = 1152 if version == 3 else 576
    return Mp3Frame(samples // 8 * bit_rate * 1000 // sample_rate + (head[2] >> 1 & 1), samples / sample_rate, bit_rate)
