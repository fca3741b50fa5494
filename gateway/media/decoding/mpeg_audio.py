"""MP3 frames (ISO/IEC 11172-3 section 2.4.2.3) sampled over a file, to find its length without reading all of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from gateway.media.decoding.containers import Bytes

_SPOTS: Final = 8
_LEAST_SPOTS: Final = 2
_SPOT_BYTES: Final = 16_384
# kbit/s of Layer III by the header's index, for MPEG 1 and for MPEG 2 and 2.5.
_BIT_RATES: Final = (
    (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
)
_SAMPLE_RATES: Final = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
# How far the samples may be from a header's claim that they support.
_TOLERANCE: Final = 0.25
_HEADER_WITHIN: Final = 8_192
_TAGS: Final = 4


@dataclass(frozen=True, slots=True)
class Mp3Frame:
    """One frame's header: the bytes of the frame, its seconds, and its bit rate in kbit/s."""

    size: int
    seconds: float
    bit_rate: int


@dataclass(frozen=True, slots=True)
class Spot:
    """Frames in a row, where the first begins and where the last ends, which may be after the end of what was read."""

    start: int
    end: int
    frames: tuple[Mp3Frame, ...]


def certain_seconds(file: Bytes, claimed: float | None, header: bytes, places: int) -> float | None:
    """The length: what a constant bit rate makes of the file's size, or a header's claim that samples support.

    `header` is the header's name: Xing or VBRI for a variable bit rate, Info for a constant one, or nothing. At most
    `places` of the file are looked at beside its beginning, which has been read.
    """
    count = min(places + 1, _SPOTS)
    if count < _LEAST_SPOTS:
        return None
    spots = [_spot(file, file.size * n // count) for n in range(count)]
    end = _end_of_sound(file)
    tail = _spot(file, max(end - _SPOT_BYTES, 0))
    frames = [frame for spot in spots for frame in spot.frames]
    seconds, size = sum(frame.seconds for frame in frames), sum(frame.size for frame in frames)
    # What is neither sound nor a tag, before it or after it, could be of any length.
    if not spots[0].frames or not tail.frames or tail.end < min(end, file.size):
        return None
    estimate = (end - spots[0].start) * seconds / size
    supported = claimed is not None and abs(claimed - estimate) <= estimate * _TOLERANCE
    if len({frame.bit_rate for frame in frames}) == 1 and (supported or header in {b"", b"Info"}):
        return estimate
    return claimed if header and supported else None


def find_header(file: Bytes) -> tuple[bytes, int]:
    """The name of the header in the first frame, or nothing, and the bytes that it says the sound has, 0 if it does not."""
    head = file.at(0, _HEADER_WITHIN)
    for name in (b"Xing", b"Info", b"VBRI"):
        place = head.find(name)
        if place >= 0:
            fields = head[place + 4 : place + 24]
            if name == b"VBRI":
                return name, int.from_bytes(fields[6:10], "big")
            counted = fields[3:4] and fields[3] & 2
            at = 8 if counted and fields[3] & 1 else 4
            return name, int.from_bytes(fields[at : at + 4], "big") if counted else 0
    return b"", 0


def _end_of_sound(file: Bytes) -> int:
    """Where the tags after the sound begin: ID3v1, Lyrics3 and APE, in any order."""
    end = file.size
    for _ in range(_TAGS):
        if file.at(end - 128, 3) == b"TAG":
            end -= 128
        elif (foot := file.at(end - 32, 24))[:8] == b"APETAGEX":
            end -= int.from_bytes(foot[12:16], "little") + (32 if foot[23] & 0x80 else 0)
        elif (lyrics := file.at(end - 15, 15))[6:] == b"LYRICS200" and lyrics[:6].isdigit():
            end -= int(lyrics[:6]) + 15
        else:
            break
        if end < _SPOT_BYTES:
            return file.size
    return end


def _spot(file: Bytes, start: int) -> Spot:
    """The frames of a spot, from the first that two others follow."""
    octets = file.at(start, _SPOT_BYTES)
    for begin in range(len(octets)):
        found = list(_row(octets, begin))
        if len(found) > 2:
            # The first may be a Xing header.
            return Spot(start + begin, start + begin + sum(frame.size for frame in found), tuple(found[1:]))
    return Spot(start, start, ())


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
