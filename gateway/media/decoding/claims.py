"""How long a file plays, by what its headers say, as far as that is certain without reading all of it."""

from bisect import bisect_right
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from gateway.media.decoding.demuxing import AV_TIME_BASE, Packets, tracks_of
from gateway.media.decoding.file_parts import FileParts
from gateway.media.decoding.mpeg_audio import certain_seconds

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.stream import Stream

_TAIL_BYTES: Final = 65_536
_XING_BYTES: Final = 8_192
_BEGINNING_SECONDS: Final = 0.5


def claimed_seconds(container: "InputContainer", parts: FileParts) -> float | None:
    """The length, or None where the headers do not say, contradict the file, or say it of a part only."""
    name = container.format.name.partition(",")[0]
    claimed = None if container.duration is None else container.duration / AV_TIME_BASE
    if name == "wav":
        return _wav_seconds(container, parts)
    if name == "mp3":
        return certain_seconds(parts.file, claimed, has_header=_has_xing(parts))
    if name == "flac":
        return _flac_seconds(container, parts, claimed)
    if parts.file.spent or claimed is None:
        return None
    if name == "mov":
        return _indexed_seconds(container, parts.file.size, claimed)
    certain = _CERTAIN.get(name)
    # Some count a length from 0 and others from where the time line begins: only where both are the same it is certain.
    begins = (container.start_time or 0) / AV_TIME_BASE
    return claimed if certain is not None and certain(parts) and begins < _BEGINNING_SECONDS else None


def _flac_seconds(container: "InputContainer", parts: FileParts, claimed: float | None) -> float | None:
    """STREAMINFO's claim (RFC 9639 section 8.2), or where the last frame ends if that is earlier."""
    counted = parts.file.at(21, 1)[0] & 0x0F or any(parts.file.at(22, 4))
    if not counted or claimed is None:
        return None
    container.seek(round(max(claimed - 1, 0) * AV_TIME_BASE))
    ends = [
        (packet.pts + packet.duration) * packet.time_base
        for packet in Packets(container, container.streams.audio[:1])
        if packet.pts is not None and packet.duration and packet.time_base is not None
    ]
    return min(float(max(ends)), claimed) if ends and not parts.file.spent else None


def _is_whole(parts: FileParts) -> bool:
    return parts.container.end is None or parts.container.end <= parts.file.size


def _wav_seconds(container: "InputContainer", parts: FileParts) -> float | None:
    """Packets of equal size and length, from the first one to where the data or the file ends."""
    first = next(iter(Packets(container, container.streams.audio[:1])), None)
    if first is None or first.pos is None or not first.size or not first.duration or first.time_base is None:
        return None
    end = min(parts.container.end or parts.file.size, parts.file.size)
    return float((end - first.pos) * first.duration * first.time_base / first.size)


def _has_xing(parts: FileParts) -> bool:
    head = parts.file.at(0, _XING_BYTES)
    return b"Xing" in head or b"Info" in head or b"VBRI" in head


def _first_serials(parts: FileParts) -> set[bytes]:
    """The serial numbers of the bitstreams that begin at the beginning (RFC 3533 section 6)."""
    found, position = set(), 0
    while (page := parts.file.at(position, 27))[:4] == b"OggS" and page[5] & 2:
        found.add(page[14:18])
        position += 27 + page[26] + sum(parts.file.at(position + 27, page[26]))
    return found


def _is_one_link(parts: FileParts) -> bool:
    """Whether the last page belongs to a bitstream that begins at the beginning."""
    return _last_serial(parts) in _first_serials(parts)


def _last_serial(parts: FileParts) -> bytes:
    tail = parts.file.at(max(parts.file.size - _TAIL_BYTES, 0), _TAIL_BYTES)
    place = tail.rfind(b"OggS")
    return tail[place + 14 : place + 18] if place >= 0 else b""


def _indexed_seconds(container: "InputContainer", size: int, claimed: float | None) -> float | None:
    """Where the last sample that is inside the file ends; the claim, if every sample is inside."""
    ends = [_last_inside(stream, size) for stream in tracks_of(container)]
    if not ends or None in ends:
        return claimed if ends and all(end is None for end in ends) else None
    return max(end for end in ends if end is not None)


def _last_inside(stream: "Stream", size: int) -> float | None:
    """None if every sample of the stream is inside the file."""
    entries = stream.index_entries
    if not len(entries) or stream.time_base is None:
        return None
    last = entries[-1]
    if last.pos + last.size <= size:
        return None
    inside = bisect_right(range(len(entries)), size, key=lambda n: entries[n].pos + entries[n].size)
    return float(entries[inside].timestamp * stream.time_base)


# What makes a demuxer's claim certain.
_CERTAIN: Final[Mapping[str, Callable[[FileParts], bool]]] = {
    "matroska": _is_whole,
    "ogg": _is_one_link,
}
