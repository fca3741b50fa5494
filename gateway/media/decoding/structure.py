"""How a file is built, found by walking its structure: where its media begin and end, and which container it is.

ID3v2 (sections 3.1 and 3.4), RIFF, EBML (RFC 8794) and ISO-BMFF (ISO/IEC 14496-12 section 4.2) say how long each of their
parts is, so that any legal part can be passed over without being read. Ogg is in `ogg`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

from gateway.media.formats import is_picture


class Bytes(Protocol):
    """Something with bytes at offsets: a file, or a window of one."""

    @property
    def size(self) -> int: ...

    def at(self, offset: int, length: int) -> bytes:
        """These bytes, or fewer at the end."""
        ...


@dataclass(frozen=True, slots=True)
class Container:
    """What the structure says: FFmpeg's `demuxer` ("" if FFmpeg has to find out), and the brand or document type.

    `end` is where the container says that it ends, None if it does not say; `data_end` where the samples of a WAV end.
    `patches` are bytes at offsets that have to replace the file's own, because its header says what cannot be and FFmpeg
    would believe it, or because FFmpeg would read what nobody needs.
    """

    demuxer: str = ""
    brand: str = ""
    end: int | None = None
    data_end: int | None = None
    patches: Mapping[int, bytes] = field(default_factory=dict)


_ID3_TAGS: Final = 16
_BOXES: Final = 100_000
_CHUNKS: Final = 1_000
_RIFF: Final = {b"RIFF", b"RIFX", b"RF64", b"BW64"}
# What a writer that does not know the length yet puts there.
_UNKNOWN_SIZES: Final = {0, 0xFFFFFFFF}
_SENSIBLE_BYTES: Final = 1 << 50
_EBML: Final = 0x1A45DFA3
_DOC_TYPE: Final = 0x4282
_SEGMENT: Final = 0x18538067
_CLUSTER: Final = 0x1F43B675
# Attachments and Tags (RFC 9559 sections 5.1.6 and 5.1.8).
_PASSED_OVER: Final = {0x1941A469, 0x1254C367}
_UNKNOWN_ID: Final = b"\x19\x41\xa4\x6a"
_STREAMINFO: Final = 0
_PADDING: Final = 1
# Covers and other metadata that are larger are not read.
_LARGE_BYTES: Final = 65_536
# Top-level boxes that a file of this family may begin with.
_FIRST_BOXES: Final = {
    b"ftyp",
    b"styp",
    b"moov",
    b"mdat",
    b"free",
    b"skip",
    b"wide",
    b"pnot",
    b"uuid",
    b"sidx",
    b"moof",
}


def after_id3(file: Bytes) -> int:
    """Where what follows the ID3v2 tags at the beginning begins: each tag says how long it is, up to 256 MiB."""
    position = 0
    for _ in range(_ID3_TAGS):
        head = file.at(position, 10)
        if len(head) < 10 or head[:3] != b"ID3" or head[3] == 0xFF or max(head[6:]) > 0x7F:
            break
        length = sum(octet << shift for octet, shift in zip(head[6:], (21, 14, 7, 0), strict=True))
        position += 10 + length + (10 if head[5] & 0x10 else 0)
    return position


def container_of(file: Bytes, most_boxes: int = _BOXES) -> Container:
    """The container that the file's first bytes begin; of an ISO file at most this many boxes are visited."""
    head = file.at(0, 12)
    if head[:4] in _RIFF and head[8:] == b"WAVE":
        return _riff(file, "big" if head[:4] == b"RIFX" else "little")
    if head[:4] == b"OggS":
        return Container("ogg")
    if head[:4] == b"fLaC":
        return Container("flac", patches=_flac_patches(file))
    if int.from_bytes(head[:4], "big") == _EBML:
        return _matroska(file)
    if head[4:8] in _FIRST_BOXES:
        return _iso(file, most_boxes)
    return Container()


def _riff(file: Bytes, order: Literal["big", "little"]) -> Container:
    """`end` is where the last chunk that belongs to the first RIFF form ends."""
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


def _flac_patches(file: Bytes) -> dict[int, bytes]:
    """Large metadata, like covers, as padding (RFC 9639 section 8.1)."""
    position, patches = 4, {}
    for _ in range(_CHUNKS):
        head = file.at(position, 4)
        size = int.from_bytes(head[1:], "big")
        if len(head) < 4 or head[0] & 0x80:
            break
        if size > _LARGE_BYTES and head[0] & 0x7F not in {_STREAMINFO, _PADDING}:
            patches[position] = bytes([_PADDING])
        position += 4 + size
    return patches


def _matroska(file: Bytes) -> Container:
    brand, end, patches = "", None, {}
    for number, start, size in elements(file, 0, file.size):
        if number == _EBML and size is not None:
            for child, inner, length in elements(file, start, start + size):
                if child == _DOC_TYPE:
                    brand = file.at(inner, min(length or 0, 64)).partition(b"\0")[0].decode("ascii", "replace")
        elif number == _SEGMENT:
            end = None if size is None else start + size
            patches = _matroska_patches(file, start, end or file.size)
            break
    return Container("matroska", brand, end, patches=patches)


def _matroska_patches(file: Bytes, position: int, end: int) -> dict[int, bytes]:
    """Attached files and large tags before the first cluster, under an id that means nothing."""
    patches = {}
    for number, begins, size in elements(file, position, end):
        if number == _CLUSTER or size is None:
            break
        if number in _PASSED_OVER and size > _LARGE_BYTES:
            patches[position] = _UNKNOWN_ID
        position = begins + size
    return patches


def elements(file: Bytes, position: int, end: int) -> Iterator[tuple[int, int, int | None]]:
    """(id, where its content begins, the content's length or None if unknown) of the EBML elements in a row.

    RFC 8794 sections 4 to 6: ids have 1 to 4 octets, sizes 1 to 8; all ones mean an unknown size, which ends the row.
    """
    for _ in range(_BOXES):
        head = file.at(position, 12)
        if position >= end or not head or not head[0]:
            return
        width = 9 - head[0].bit_length()
        if width > 4 or len(head) <= width or not head[width]:
            return
        number = int.from_bytes(head[:width], "big")
        octets = 9 - head[width].bit_length()
        mask = (1 << 7 * octets) - 1
        size = int.from_bytes(head[width : width + octets], "big") & mask
        position += width + octets
        yield number, position, None if size == mask else size
        if size == mask:
            return
        position += size


def _iso(file: Bytes, most_boxes: int) -> Container:
    brand, end, named = "", 0, False
    for count, (kind, start, size) in enumerate(boxes(file, 0, file.size)):
        if count == most_boxes:
            return Container("mov", brand if named else "qt  ")
        if kind == b"ftyp":
            if named:  # another file, which no player reads
                break
            brand, named = _brand(file.at(start, min(size, 256))), True
        end = start + size
    # QuickTime files are older than brands.
    return Container("mov", brand if named else "qt  ", end)


def _brand(content: bytes) -> str:
    """The brand of a picture if there is one, else the major brand (ISO/IEC 14496-12 section 4.3)."""
    brands = [content[n : n + 4].decode("latin-1") for n in (0, *range(8, len(content) - 3, 4))]
    return next(filter(is_picture, brands), brands[0])


def boxes(file: Bytes, position: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """(type, where its content begins, the content's length) of the boxes in a row, to the first that is none."""
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
