"""Finds the length of an MP3 file by sampling frames, without reading all of it."""

from dataclasses import dataclass
from typing import Final

from gateway.media.decoding.object_file import ObjectFile
from gateway.media.mpeg_frames import MpegFrame, frames_in

_SPOTS: Final = 8
_LEAST_SPOTS: Final = 2
_SPOT_BYTES: Final = 16_384
# A header's claim may differ by this share from the estimate of the samples that supports it.
_TOLERANCE: Final = 0.25
_HEADER_WITHIN: Final = 8_192
_TAGS: Final = 4


@dataclass(frozen=True, slots=True)
class Spot:
    """Consecutive frames from offset `start` to `end`; the last one may end after the bytes that were read."""

    start: int
    end: int
    frames: tuple[MpegFrame, ...]


def certain_seconds(file: ObjectFile, claimed: float | None, header: bytes, more_spots: int) -> float | None:
    """The length from a constant bit rate and the file's size, or the `claimed` one if samples support it, else None.

    `header` is the header's name: Xing or VBRI for a variable bit rate, Info for a constant one, or nothing. At most
    `more_spots` of the file are sampled besides its beginning, which was read before.
    """
    count = min(more_spots + 1, _SPOTS)
    if count < _LEAST_SPOTS:
        return None
    spots = [_spot(file, file.size * n // count) for n in range(count)]
    end = _end_of_sound(file)
    tail = _spot(file, max(end - _SPOT_BYTES, 0))
    frames = [frame for spot in spots for frame in spot.frames]
    seconds, size = sum(frame.seconds for frame in frames), sum(frame.size for frame in frames)
    # Bytes that are neither sound nor tags, at the beginning or the end, could be of any length.
    if not spots[0].frames or not tail.frames or tail.end < min(end, file.size):
        return None
    estimate = (end - spots[0].start) * seconds / size
    supported = claimed is not None and abs(claimed - estimate) <= estimate * _TOLERANCE
    if len({frame.bit_rate for frame in frames}) == 1 and (supported or header in {b"", b"Info"}):
        return estimate
    return claimed if header and supported else None


def find_header(file: ObjectFile) -> tuple[bytes, int]:
    """The name of the header in the first frame, b"" without one, and the bytes of sound that it claims, 0 for none."""
    head = file.at(0, _HEADER_WITHIN)
    for name in (b"Xing", b"Info", b"VBRI"):
        start = head.find(name)
        if start >= 0:
            fields = head[start + 4 : start + 24]
            if name == b"VBRI":
                return name, int.from_bytes(fields[6:10], "big")
            counted = fields[3:4] and fields[3] & 2
            at = 8 if counted and fields[3] & 1 else 4
            return name, int.from_bytes(fields[at : at + 4], "big") if counted else 0
    return b"", 0


def _end_of_sound(file: ObjectFile) -> int:
    """The offset where the tags after the sound begin: ID3v1, Lyrics3 and APE, in any order."""
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


def _spot(file: ObjectFile, start: int) -> Spot:
    """The frames near `start`, from the first one that two others follow."""
    octets = file.at(start, _SPOT_BYTES)
    for begin in range(len(octets)):
        found = [frame for frame in frames_in(octets, begin) if frame.seconds]
        if len(found) > 2:
            # The first frame may contain a Xing header instead of sound.
            return Spot(start + begin, start + begin + sum(frame.size for frame in found), tuple(found[1:]))
    return Spot(start, start, ())
