"""Finds the links of chained Ogg files: several logical bitstreams one after another (RFC 3533 section 4)."""

from collections.abc import Iterator
from typing import Final

from gateway.media.decoding.object_file import ObjectFile

_HEADER_BYTES: Final = 27
_BEGINS: Final = 0x02
# After damaged bytes, search at most this far for the next page; a page has at most 65,307 bytes.
_SEARCHED_BYTES: Final = 1 << 20


def first_pages(file: ObjectFile) -> Iterator[int]:
    """The offsets of the pages at the beginning of the file that begin bitstreams (RFC 3533 section 6)."""
    position = 0
    while (head := file.at(position, _HEADER_BYTES))[:4] == b"OggS" and head[5] & _BEGINS:
        yield position
        position += _HEADER_BYTES + head[26] + sum(file.at(position + _HEADER_BYTES, head[26]))


def links(file: ObjectFile) -> list[tuple[int, int]]:
    """The start and end offsets of each link; a file that is not chained has one. Reads the header of every page.

    A link begins with the pages that begin bitstreams, one for each track.
    """
    starts, position, after_begin = [0], 0, True
    while position < file.size:
        head = file.at(position, _HEADER_BYTES)
        if len(head) < _HEADER_BYTES:
            break
        if head[:4] != b"OggS":
            found = _next_page(file, position)
            if found is None:
                break
            position = found
            continue
        begins = bool(head[5] & _BEGINS)
        if begins and not after_begin:
            starts.append(position)
        after_begin = begins
        table = file.at(position + _HEADER_BYTES, head[26])
        position += _HEADER_BYTES + len(table) + sum(table)
    return list(zip(starts, [*starts[1:], file.size], strict=True))


def _next_page(file: ObjectFile, position: int) -> int | None:
    found = file.at(position + 1, _SEARCHED_BYTES).find(b"OggS")
    return None if found < 0 else position + 1 + found
