"""Parses the EBML elements of WebM and Matroska (RFC 8794 sections 4 to 6) that identify a file (RFC 9559)."""

from collections.abc import Iterator
from typing import Final

from gateway.media.decoding.containers import LARGE_BYTES, Container
from gateway.media.decoding.object_file import ObjectFile

_EBML: Final = 0x1A45DFA3
_DOC_TYPE: Final = 0x4282
_SEGMENT: Final = 0x18538067
_CLUSTER: Final = 0x1F43B675
# Attachments and Tags (RFC 9559 sections 5.1.6 and 5.1.8).
_PASSED_OVER: Final = {0x1941A469, 0x1254C367}
_UNKNOWN_ID: Final = b"\x19\x41\xa4\x6a"
_ELEMENTS: Final = 100_000


def find_segment(file: ObjectFile) -> Container:
    """The container, with its document type and the end of its segment."""
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


def _matroska_patches(file: ObjectFile, position: int, end: int) -> dict[int, bytes]:
    """Patches that give large attachments and tags before the first cluster an unknown id, so that they are skipped."""
    patches = {}
    for number, begins, size in elements(file, position, end):
        if number == _CLUSTER or size is None:
            break
        if number in _PASSED_OVER and size > LARGE_BYTES:
            patches[position] = _UNKNOWN_ID
        position = begins + size
    return patches


def elements(file: ObjectFile, position: int, end: int) -> Iterator[tuple[int, int, int | None]]:
    """(id, offset of the content, length of the content or None if unknown) of consecutive EBML elements.

    RFC 8794 sections 4 to 6: ids have 1 to 4 octets, sizes 1 to 8. All ones mean an unknown size; that element is the
    last one.
    """
    for _ in range(_ELEMENTS):
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
