"""Parses the headers of MPEG audio frames.

MP3 is defined by ISO/IEC 11172-3 section 2.4.2.3, and AAC in ADTS by ISO/IEC 13818-7 section 6.2.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

# kbit/s of Layer III by the index in the header: for MPEG 1, then for MPEG 2 and 2.5.
_BIT_RATES: Final = (
    (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
)
_SAMPLE_RATES: Final = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
_ADTS_RATES: Final = 13
_MONO: Final = 3


class MpegFrame(NamedTuple):
    """A frame: its size in bytes, its seconds and bit rate in kbit/s (both 0 for AAC), and its encoding (`shape`)."""

    size: int
    seconds: float
    bit_rate: int
    shape: str


def frames_in(content: bytes, position: int = 0) -> Iterator[MpegFrame]:
    """The consecutive frames from `position` on, up to the first bytes that are not a frame."""
    while (frame := _frame(content[position : position + 7])) is not None:
        yield frame
        position += frame.size


def shape_of(head: bytes) -> str | None:
    """The encoding of the frames that `head`, the first bytes of a file, begins with; None if these are not frames.

    At least three frames are required, or two that end with `head`, all of the same encoding.
    """
    frames = list(frames_in(head))
    ends = sum(frame.size for frame in frames) == len(head)
    enough = len(frames) > 2 or (ends and len(frames) == 2)
    return frames[0].shape if enough and len({frame.shape for frame in frames}) == 1 else None


def _frame(head: bytes) -> MpegFrame | None:
    if len(head) > 3 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2:
        return _mp3_frame(head)
    return _adts_frame(head) if len(head) > 6 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0 else None


def _mp3_frame(head: bytes) -> MpegFrame | None:
    version, rate, sampling = head[1] >> 3 & 3, head[2] >> 4, head[2] >> 2 & 3
    if version == 1 or rate in {0, 15} or sampling == 3:
        return None
    sample_rate = _SAMPLE_RATES[version][sampling]
    bit_rate = _BIT_RATES[version != 3][rate]
    samples = 1152 if version == 3 else 576
    size = samples // 8 * bit_rate * 1000 // sample_rate + (head[2] >> 1 & 1)
    shape = f"mp3/{sample_rate}/{1 if head[3] >> 6 == _MONO else 2}"
    return MpegFrame(size, samples / sample_rate, bit_rate, shape)


def _adts_frame(head: bytes) -> MpegFrame | None:
    sampling, channels = head[2] >> 2 & 15, (head[2] & 1) << 2 | head[3] >> 6
    size = (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
    if sampling >= _ADTS_RATES or size < 8:
        return None
    return MpegFrame(size, 0.0, 0, f"aac/{sampling}/{channels}")
