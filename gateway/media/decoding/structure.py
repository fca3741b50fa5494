"""Walks a file's structure to find which container it is, and where its media begin and end.

ID3v2 (sections 3.1 and 3.4), RIFF, FLAC and ISO-BMFF (ISO/IEC 14496-12 section 4.2) give the length of each part, so
that any legal part can be skipped without being read. Ogg is parsed in `ogg`, EBML in `matroska`.
"""

from collections.abc import Iterator
from typing import Final, Literal

from gateway.media.decoding.containers import LARGE_BYTES, Container
from gateway.media.decoding.matroska import find_segment
from gateway.media.decoding.object_file import ObjectFile
from gateway.media.formats import is_picture

_ID3_TAGS: Final = 16
_BOXES: Final = 100_000
_CHUNKS: Final = 1_000
_RIFF: Final = {b"RIFF", b"RIFX", b"RF64", b"BW64"}
# Written as the size by programs that do not know the length yet.
_UNKNOWN_SIZES: Final = {0, 0xFFFFFFFF}
_SENSIBLE_BYTES: Final = 1 << 50
_STREAMINFO: Final = 0
_PADDING: Final = 1
# Top-level boxes that a file of this family may begin with.
_FIRST_BOXES: Final = frozenset(
    (b"ftyp", b"styp", b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot", b"uuid", b"sidx", b"moof")
)


def after_id3(file: ObjectFile) -> int:
    """The offset after the ID3v2 tags at the beginning, 0 without any. Each tag gives its length, up to 256 MiB."""
    position = 0
    for _ in range(_ID3_TAGS):
        head = file.at(position, 10)
        if len(head) < 10 or head[:3] != b"ID3" or head[3] == 0xFF or max(head[6:]) > 0x7F:
            break
        length = sum(octet << shift for octet, shift in zip(head[6:], (21, 14, 7, 0), strict=True))
        position += 10 + length + (10 if head[5] & 0x10 else 0)
    return position


def container_of(file: ObjectFile, most_boxes: int = _BOXES) -> Container:
    """The container that begins with the file's first bytes; at most `most_boxes` of an ISO file are visited."""
    head = file.at(0, 12)
    if head[:4] in _RIFF and head[8:] == b"WAVE":
        return _riff(file, "big" if head[:4] == b"RIFX" else "little")
    if head[:4] == b"OggS":
        return Container("ogg")
    if head[:4] == b"fLaC":
        return Container("flac", patches=_flac_patches(file))
    if head[:4] == b"\x1a\x45\xdf\xa3":
        return find_segment(file)
    if head[4:8] in _FIRST_BOXES:
        return _iso(file, most_boxes)
    return Container()


def _riff(file: ObjectFile, order: Literal["big", "little"]) -> Container:
    """The container of a WAV file; its `end` is the end of the last chunk in the first RIFF form."""
    position, size64_at, size64 = 12, 0, 0
    end: int | None = None
    data_end: int | None = None
    for _ in range(_CHUNKS):
        head = file.at(position, 8)
        if len(head) < 8 or head[:4] in _RIFF or not head[:4].isascii() or not head[:4].decode().isprintable():
            break
        size = int.from_bytes(head[4:], order)
        position += 8
        if head[:4] == b"ds64":
            size64_at = position + 8
            size64 = int.from_bytes(file.at(size64_at, 8), "little")
        if head[:4] == b"data":
            left = file.size - position
            if size64_at and size == 0xFFFFFFFF:
                if not 0 < size64 <= left:
                    end = position + size64 if 0 < size64 < _SENSIBLE_BYTES else None
                    return Container("wav", end=end, patches={size64_at: left.to_bytes(8, "little")})
                size = size64
            elif size in _UNKNOWN_SIZES:
                return Container("wav")
            data_end = data_end or position + size
        position += size
        end = position
        position += size & 1
    return Container("wav", end=end, data_end=data_end)


def _flac_patches(file: ObjectFile) -> dict[int, bytes]:
    """Patches that turn large metadata blocks, such as covers, into padding (RFC 9639 section 8.1)."""
    position, patches = 4, {}
    for _ in range(_CHUNKS):
        head = file.at(position, 4)
        size = int.from_bytes(head[1:], "big")
        if len(head) < 4 or head[0] & 0x80:
            break
        if size > LARGE_BYTES and head[0] & 0x7F not in {_STREAMINFO, _PADDING}:
            patches[position] = bytes([_PADDING])
        position += 4 + size
    return patches


def _iso(file: ObjectFile, most_boxes: int) -> Container:
    brand, end, named = "", 0, False
    for count, (kind, start, size) in enumerate(boxes(file, 0, file.size)):
        if count == most_boxes:
            return Container("mov", brand if named else "qt  ")
        if kind == b"ftyp":
            if named:  # the beginning of another file, which no player reads
                break
            brand, named = _brand(file.at(start, min(size, 256))), True
        end = start + size
    # QuickTime files from before brands existed have none.
    return Container("mov", brand if named else "qt  ", end)


def _brand(content: bytes) -> str:
    """The first brand of a still picture if there is one, else the major brand (ISO/IEC 14496-12 section 4.3)."""
    brands = [content[n : n + 4].decode("latin-1") for n in (0, *range(8, len(content) - 3, 4))]
    return next(filter(is_picture, brands), brands[0])


def boxes(file: ObjectFile, position: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """(type, offset of the content, length of the content) of consecutive boxes, up to the first malformed one."""
    for _ in range(_BOXES):
        head = file.at(position, 16)
        if position >= end or len(head) < 8 or not head[4:8].isascii():
            return
        size, begins = int.from_bytes(head[:4], "big"), 8
        if size == 1 and len(head) == 16:
            size, begins = int.from_bytes(head[8:], "big"), 16
        elif size == 0:
            size = end - position
        if size < begins:
            return
        yield head[4:8], position + begins, size - begins
        position += size
