"""Finds how long a file plays from its headers, if that is certain without reading all of it."""

from bisect import bisect_right
from fractions import Fraction
from typing import TYPE_CHECKING, Final

from gateway.media.decoding.demuxing import AV_TIME_BASE, Packets, tracks_of
from gateway.media.decoding.file_parts import FileParts
from gateway.media.decoding.mpeg_audio import certain_seconds, find_header
from gateway.media.decoding.ogg import first_pages

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.stream import Stream

_TAIL_BYTES: Final = 65_536
_BEGINNING_SECONDS: Final = 0.5
_LOOKED_AT_BYTES: Final = 1 << 18
# Keyframes may be this far apart.
_NEAR_SECONDS: Final = 30


def claimed_seconds(container: "InputContainer", parts: FileParts) -> float | None:
    """The length in seconds; None if the headers lack it, contradict the file, or describe only a part of it."""
    name = container.format.name.partition(",")[0]
    claimed = None if container.duration is None else container.duration / AV_TIME_BASE
    seconds = None
    if name == "wav":
        return _wav_seconds(container, parts)
    if name == "mp3":
        seconds = certain_seconds(parts.file, claimed, find_header(parts.file)[0], parts.file.blocks_left)
    elif claimed is not None and not parts.file.spent:
        seconds = _supported_seconds(name, container, parts, claimed)
    return None if parts.file.spent else seconds


def _supported_seconds(name: str, container: "InputContainer", parts: FileParts, claimed: float) -> float | None:
    """The claim, or a corrected length, if something else in the file supports it; else None."""
    if name == "flac":
        counted = parts.file.at(21, 1)[0] & 0x0F or any(parts.file.at(22, 4))  # STREAMINFO (RFC 9639 section 8.2)
        return _confirmed(container, claimed, claimed - 1) if counted else None
    if name == "mov":
        return _indexed_seconds(container, parts.file.size, claimed)
    # Some writers count the length from 0, others from the first timestamp. It is certain only if both are the same.
    if (container.start_time or 0) / AV_TIME_BASE >= _BEGINNING_SECONDS:
        return None
    if name == "matroska":
        container.seek(0)  # loads the index
        times = sorted(time for stream in tracks_of(container) for time in _last_indexed(stream))
        indexed = times[0] if times and times[-1] <= claimed else None
        return None if indexed is None else _confirmed(container, claimed, indexed)
    return claimed if name == "ogg" and _is_one_link(parts) else None


def _confirmed(container: "InputContainer", claimed: float, near_end: float) -> float | None:
    """Where the last packet after `near_end` ends; if that is too far to read, the claim if it is near; else None."""
    container.seek(round(max(near_end, 0) * AV_TIME_BASE))
    begins = end = None
    for packet in Packets(container, tracks_of(container)):
        if packet.pts is None or packet.pos is None:
            continue
        begins = packet.pos if begins is None else begins
        end = max(end or Fraction(0), (packet.pts + (packet.duration or 0)) * packet.time_base)
        if packet.pos - begins > _LOOKED_AT_BYTES:
            return claimed if end <= claimed <= end + _NEAR_SECONDS else None
    return float(end) if end else None


def _last_indexed(stream: "Stream") -> list[float]:
    """The times of the last two index entries. FFmpeg would read on from the last one if it had to seek there."""
    entries, base = stream.index_entries, stream.time_base
    return [float(entries[n].timestamp * base) for n in (-2, -1)] if len(entries) > 1 and base is not None else []


def _wav_seconds(container: "InputContainer", parts: FileParts) -> float | None:
    """The length from the first packet's size and duration, and the bytes from there to the end of the data or file."""
    first = next(iter(Packets(container, container.streams.audio[:1])), None)
    if first is None or first.pos is None or not first.size or not first.duration or first.time_base is None:
        return None
    end = min(parts.container.data_end or parts.file.size, parts.file.size)
    return float((end - first.pos) * first.duration * first.time_base / first.size)


def _is_one_link(parts: FileParts) -> bool:
    """Whether the last page belongs to a bitstream that begins at the beginning of the file: it is not chained."""
    return _last_serial(parts) in {parts.file.at(page + 14, 4) for page in first_pages(parts.file)}


def _last_serial(parts: FileParts) -> bytes:
    tail = parts.file.at(max(parts.file.size - _TAIL_BYTES, 0), _TAIL_BYTES)
    start = tail.rfind(b"OggS")
    return tail[start + 14 : start + 18] if start >= 0 else b""


def _indexed_seconds(container: "InputContainer", size: int, claimed: float | None) -> float | None:
    """The claim if no track is cut, else where the last sample in the file ends; None if only some tracks are cut."""
    ends = [_last_inside(stream, size) for stream in tracks_of(container)]
    if not ends or None in ends:
        return claimed if ends and all(end is None for end in ends) else None
    return max(end for end in ends if end is not None)


def _last_inside(stream: "Stream", size: int) -> float | None:
    """The time of the first sample that is not inside the file; None if all are."""
    entries = stream.index_entries
    if not len(entries) or stream.time_base is None:
        return None
    last = entries[-1]
    if last.pos + last.size <= size:
        return None
    inside = bisect_right(range(len(entries)), size, key=lambda n: entries[n].pos + entries[n].size)
    return float(entries[inside].timestamp * stream.time_base)
