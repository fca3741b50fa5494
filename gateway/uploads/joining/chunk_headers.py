"""Recognises the kind of file that a chunk begins, and parses WAV and Ogg as far as joining files needs.

A chunk without a file header is a cut: it continues the file before it. Sizes in headers are claims: a WAV's samples
end where its file ends, unless well-formed RIFF chunks follow the claimed end.
"""

import binascii
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from gateway.media.mpeg_frames import frames_in, shape_of

FIRST_BYTES: Final = 8 * 1024
"""This many first bytes decide a file's kind; they hold three frames of most MP3 and AAC files."""
HEAD_BYTES: Final = 64 * 1024
"""A WAV's format and the start of its samples are searched for in this many first bytes."""

WAV: Final = "wav"
OGG: Final = "ogg"
TAGGED: Final = "tagged"
"""An MP3 or AAC file with a tag before its frames, or an MP3 file with a header that says its length."""
FRAMES: Final = "frames of "
_KINDS: Final[Mapping[tuple[bytes, ...], str]] = {
    (b"RIFF", b"RF64", b"BW64"): WAV,
    (b"\x1a\x45\xdf\xa3",): "webm",
    (b"fLaC",): "flac",
    (b"ID3\2\0", b"ID3\3\0", b"ID3\4\0"): TAGGED,
    # AIFF, AVI and other RIFF forms, CAF, AMR, Flash, Windows Media.
    (b"FORM", b"RIFF", b"caff", b"#!AMR", b"FLV\1", b"\x30\x26\xb2\x75"): "other",
    # Pictures.
    (b"\x89PNG", b"\xff\xd8\xff\xe0", b"GIF8"): "other",
}
_MP3_TAGS: Final = (b"Xing", b"Info", b"VBRI")
_LARGEST_RIFF: Final = 2**32 - 1
_UNKNOWN_SIZES: Final = {0, _LARGEST_RIFF}
_OGG_PAGE: Final = struct.Struct("<4sBBqIIIB")
_FIRST_PAGE: Final = 2
_BIT_REVERSED: Final = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def container_of(head: bytes) -> str | None:
    """The kind of file that begins with `head`, its FIRST_BYTES; None for bytes that can only continue a file.

    The kind of MP3 or AAC frames is `FRAMES` and their encoding; they can also continue frames of the same encoding.
    Files that the gateway does not accept have the kind "other", so that they are not appended to the file before.
    """
    for magics, kind in _KINDS.items():
        if head.startswith(magics) and (kind != WAV or head[8:12] == b"WAVE"):
            return kind
    if head[:4] == b"OggS" and len(head) > 5 and head[5] & _FIRST_PAGE:
        return OGG
    if head[4:8] == b"ftyp":
        return "mp4"
    first = next(frames_in(head), None)
    if first is not None and any(tag in head[: first.size] for tag in _MP3_TAGS):
        return TAGGED
    shape = shape_of(head)
    return None if shape is None else FRAMES + shape


def continues(kind: str | None, before: str | None) -> bool:
    """Whether a chunk of this kind continues a file whose first chunk has the kind `before`."""
    return kind is None or (kind.startswith(FRAMES) and before in {kind, TAGGED})


@dataclass(frozen=True, slots=True)
class WavLayout:
    """Where a WAV file's samples begin. `claimed` is their length in bytes by the header, None if that is unknown."""

    format: bytes
    offset: int
    claimed: int | None

    @property
    def frame_bytes(self) -> int:
        """The bytes of one sample frame: a sample of each channel."""
        return max(int.from_bytes(self.format[12:14], "little"), 1)


def read_wav(head: bytes, position: int = 0) -> WavLayout | None:
    """The layout in `head`, a WAV file's first HEAD_BYTES (RIFF, or RF64 by EBU Tech 3306); None if it has no samples.

    The file begins at `position` of the object that contains it; the layout's offset counts from the object's start.
    """
    format, long_size = b"", None
    for kind, start, size in _riff_chunks(head, 12):
        if kind == b"ds64" and size >= 16:
            long_size = int.from_bytes(head[start + 8 : start + 16], "little")
        elif kind == b"fmt " and size >= 16:
            format = head[start : start + size]
        elif kind == b"data":
            claimed = long_size if size == _LARGEST_RIFF and long_size else size
            return (
                WavLayout(format, position + start, None if claimed in _UNKNOWN_SIZES else claimed) if format else None
            )
    return None


def _riff_chunks(content: bytes, start: int) -> Iterator[tuple[bytes, int, int]]:
    """(id, offset of the content, size of the content) of each RIFF chunk whose header is in `content`."""
    while start + 8 <= len(content):
        size = int.from_bytes(content[start + 4 : start + 8], "little")
        yield content[start : start + 4], start + 8, size
        start += 8 + size + size % 2


def is_riff_tail(tail: bytes, length: int) -> bool:
    """Whether a file's last `length` bytes, which begin with `tail`, are RIFF chunks, give or take a padding byte."""
    end = 0
    for kind, start, size in _riff_chunks(tail, 0):
        if not (kind.isascii() and kind.decode().isprintable()):
            return False
        end = start + size
    return end in {length, length - 1, length + 1} and len(tail) >= min(length, 8)


def wav_header(format: bytes, length: int) -> bytes:
    """The WAV header for `length` bytes of samples; RF64 if the size does not fit into RIFF's 32 bits."""
    chunk = b"fmt " + struct.pack("<I", len(format)) + format + b"\0" * (len(format) % 2)
    padded = length + length % 2
    size = 4 + len(chunk) + 8 + padded
    if size <= _LARGEST_RIFF:
        return b"RIFF" + struct.pack("<I", size) + b"WAVE" + chunk + b"data" + struct.pack("<I", length)
    frame_bytes = max(int.from_bytes(format[12:14], "little"), 1)
    sizes = struct.pack("<QQQI", size + 36, length, length // frame_bytes, 0)
    start = b"RF64" + struct.pack("<I", _LARGEST_RIFF) + b"WAVE" + b"ds64" + struct.pack("<I", len(sizes)) + sizes
    return start + chunk + b"data" + struct.pack("<I", _LARGEST_RIFF)


@dataclass(frozen=True, slots=True)
class OggPage:
    """A page (RFC 3533 section 6) of `size` bytes of the logical stream `serial`; `is_first` if it begins that."""

    size: int
    serial: int
    is_first: bool


def read_ogg_page(content: bytes | bytearray | memoryview) -> OggPage | None:
    """The page that `content` begins with, None if it is incomplete. Raises ValueError for anything but a page."""
    if len(content) < _OGG_PAGE.size:
        return None
    magic, version, flags, _, serial, _, _, segments = _OGG_PAGE.unpack_from(content)
    if magic != b"OggS" or version:
        raise ValueError("not an Ogg page")
    if len(content) < _OGG_PAGE.size + segments:
        return None
    size = _OGG_PAGE.size + segments + sum(content[_OGG_PAGE.size : _OGG_PAGE.size + segments])
    return OggPage(size, serial, bool(flags & _FIRST_PAGE)) if len(content) >= size else None


def with_serial(page: bytes, serial: int) -> bytes:
    """The page moved to the logical stream `serial`, with a new checksum."""
    changed = bytearray(page)
    changed[14:18] = struct.pack("<I", serial)
    changed[22:26] = bytes(4)
    changed[22:26] = struct.pack("<I", _ogg_checksum(bytes(changed)))
    return bytes(changed)


def _ogg_checksum(page: bytes) -> int:
    """Ogg's CRC-32: zlib's with the bits of each byte and of the result reversed, and without its two inversions."""
    reflected = binascii.crc32(page.translate(_BIT_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{reflected:032b}"[::-1], 2)
