"""Makes media files with FFmpeg's command line, and edits their bytes."""

import struct
import subprocess
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

RATE: Final = 48_000
UNKNOWN: Final = -1.0


@dataclass(frozen=True, slots=True)
class Sample:
    """A file of the corpus.

    `seconds` is how long it plays and `content_type` what it is; None where it is refused, UNKNOWN for a length that only has
    to be the same everywhere. `browsers` says why "Chromium …", "Firefox …" or both play another length.
    """

    name: str
    content: bytes
    seconds: float | None
    content_type: str | None = None
    tolerance: float = 0.1
    browsers: str = ""

    def differs(self, browser: str) -> bool:
        """Whether this browser is known to play another length."""
        named = [name for name in ("chromium", "firefox") if self.browsers.lower().startswith(name)]
        return bool(self.browsers) and named in ([], [browser])


@dataclass(frozen=True, slots=True)
class FFmpeg:
    """Calls FFmpeg. A file that was made is kept in `folder`, for the same call in this process and in others."""

    folder: Path

    def make(self, suffix: str, *arguments: str) -> bytes:
        """The file that FFmpeg writes."""
        made = self.folder / f"{sha256(repr(arguments).encode()).hexdigest()}.{suffix}"
        if not made.exists():
            with TemporaryDirectory(dir=self.folder) as draft:
                path = Path(draft) / made.name
                command = ("ffmpeg", "-v", "error", "-y", "-bitexact", *arguments, str(path))
                subprocess.run(command, check=True, capture_output=True, timeout=60)
                path.rename(made)
        return made.read_bytes()

    def sound(
        self, suffix: str, codec: str, *options: str, seconds: float = 4, rate: int = RATE, pitch: int = 440
    ) -> bytes:
        """A tone in this codec."""
        source = f"sine=frequency={pitch}:duration={seconds}:sample_rate={rate}"
        return self.make(suffix, "-f", "lavfi", "-i", source, "-c:a", codec, "-strict", "-2", *options)

    def movie(self, suffix: str, video: str, audio: str, *options: str, picture: float = 4, sound: float = 4) -> bytes:
        """A moving picture with sound, of lengths of their own."""
        return self.make(
            suffix,
            *("-f", "lavfi", "-i", f"testsrc=size=64x64:rate=10:duration={picture}"),
            *("-f", "lavfi", "-i", f"sine=duration={sound}:sample_rate={RATE}"),
            *("-c:v", video, "-pix_fmt", "yuv420p", "-g", "10", "-c:a", audio, "-strict", "-2", *options),
        )

    def stored(self, content: bytes, suffix: str) -> str:
        """The path of a file with this content."""
        path = self.folder / f"{sha256(content).hexdigest()}.{suffix}"
        if not path.exists():
            with TemporaryDirectory(dir=self.folder) as draft:
                written = Path(draft) / path.name
                written.write_bytes(content)
                written.rename(path)
        return str(path)

    def again(self, content: bytes, given: str, suffix: str, *options: str) -> bytes:
        """The file with the same packets in another container, or with other options."""
        return self.make(suffix, "-i", self.stored(content, given), "-c", "copy", *options)


# --- ID3


def id3(length: int, *, version: int = 3, footer: bool = False, filling: bytes = b"\x11") -> bytes:
    """A tag with a cover of this many bytes."""
    cover = b"APIC" + length.to_bytes(4, "big") + b"\0\0\0image/jpeg\0\3\0"
    cover += (filling * length)[: 10 + length - len(cover)]
    size = bytes(len(cover) >> shift & 127 for shift in (21, 14, 7, 0))
    flags = b"\x10" if footer else b"\0"
    tag = b"ID3" + bytes([version, 0]) + flags + size + cover
    return tag + (b"3DI" + bytes([version, 0]) + flags + size if footer else b"")


def ape(length: int) -> bytes:
    """An APEv2 tag with header and footer around this many bytes."""
    item = struct.pack("<II", length, 2) + b"Cover Art (Front)\0" + bytes(length)
    size = len(item) + 32
    head = b"APETAGEX" + struct.pack("<IIII", 2000, size, 1, 0xA0000000) + bytes(8)
    foot = b"APETAGEX" + struct.pack("<IIII", 2000, size, 1, 0x80000000) + bytes(8)
    return head + item + foot


ID3V1: Final = b"TAG" + bytes(125)


# --- RIFF


def wav_of(
    samples: bytes,
    *,
    channels: int = 1,
    rate: int = RATE,
    before: bytes = b"",
    after: bytes = b"",
    size: int | None = None,
) -> bytes:
    """PCM of 16 bits with these chunks before `fmt ` and after `data`."""
    fmt = b"fmt " + struct.pack("<IHHIIHH", 16, 1, channels, rate, rate * 2 * channels, 2 * channels, 16)
    data = b"data" + struct.pack("<I", len(samples) if size is None else size) + samples + bytes(len(samples) & 1)
    body = b"WAVE" + before + fmt + data + after
    return b"RIFF" + struct.pack("<I", len(body)) + body


def riff_chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk, padded to an even length."""
    return kind + struct.pack("<I", len(content)) + content + bytes(len(content) & 1)


# --- ISO-BMFF


def box(kind: bytes, content: bytes, *, wide: bool = False) -> bytes:
    """A box; `wide` gives it a size of 64 bits."""
    if wide:
        return struct.pack(">I4sQ", 1, kind, len(content) + 16) + content
    return struct.pack(">I4s", len(content) + 8, kind) + content


def boxes_of(content: bytes) -> Iterator[tuple[bytes, int, int]]:
    """(type, offset, length with the header) of the boxes in a row."""
    position = 0
    while position + 8 <= len(content):
        size = int.from_bytes(content[position : position + 4], "big")
        if size == 1:
            size = int.from_bytes(content[position + 8 : position + 16], "big")
        size = size or len(content) - position
        yield content[position + 4 : position + 8], position, size
        position += size


CONTAINERS: Final = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"moof", b"traf", b"mvex"}


def rewritten(content: bytes, change: Callable[[bytes, bytes], bytes | None]) -> bytes:
    """The boxes with `change` called for each (type, whole box): None leaves it; parents get their new size."""
    found = []
    for kind, position, size in boxes_of(content):
        whole = content[position : position + size]
        if kind in CONTAINERS:
            whole = box(kind, rewritten(whole[8:], change))
        changed = change(kind, whole)
        found.append(whole if changed is None else changed)
    return b"".join(found)


def moved_offsets(content: bytes, by: int) -> bytes:
    """The file with every chunk offset (stco) moved."""

    def change(kind: bytes, whole: bytes) -> bytes | None:
        if kind != b"stco":
            return None
        count = int.from_bytes(whole[12:16], "big")
        offsets = struct.unpack(f">{count}I", whole[16 : 16 + 4 * count])
        return whole[:16] + struct.pack(f">{count}I", *(each + by for each in offsets))

    return rewritten(content, change)


def with_edits(content: bytes, *edits: tuple[int, int], handler: bytes = b"soun") -> bytes:
    """The file whose tracks of this handler have this edit list: (duration in the movie's scale, media time)."""
    elst = box(
        b"elst",
        struct.pack(">II", 0, len(edits))
        + b"".join(struct.pack(">IiI", each, start, 1 << 16) for each, start in edits),
    )

    def change(kind: bytes, whole: bytes) -> bytes | None:
        if kind == b"trak" and handler in whole:
            parts = [
                whole[8 + place : 8 + place + size] for name, place, size in boxes_of(whole[8:]) if name != b"edts"
            ]
            return box(b"trak", parts[0] + (box(b"edts", elst) if edits else b"") + b"".join(parts[1:]))
        return None

    changed = rewritten(content, change)
    before_data = next(place for name, place, _ in boxes_of(content) if name == b"mdat")
    moved = next(place for name, place, _ in boxes_of(changed) if name == b"mdat") - before_data
    return moved_offsets(changed, moved)


# --- EBML


def ebml_size(number: int, octets: int) -> bytes:
    """The number as an EBML size of this many octets."""
    return (number | 1 << 7 * octets).to_bytes(octets, "big")


def element(number: str, content: bytes, octets: int = 8) -> bytes:
    """An element whose id is given in hexadecimal."""
    return bytes.fromhex(number) + ebml_size(len(content), octets) + content


def void(length: int, octets: int = 8) -> bytes:
    return element("ec", bytes(length), octets)


def elements_of(content: bytes) -> Iterator[tuple[str, bytes]]:
    """(id, content) of the elements in a row; one of unknown size goes on to the end."""
    position = 0
    while position < len(content):
        width = 9 - content[position].bit_length()
        name = content[position : position + width].hex()
        octets = 9 - content[position + width].bit_length()
        mask = (1 << 7 * octets) - 1
        size = int.from_bytes(content[position + width : position + width + octets], "big") & mask
        begin = position + width + octets
        end = len(content) if size == mask else begin + size
        yield name, content[begin:end]
        position = end


# --- Ogg


def ogg_pages(content: bytes) -> list[bytes]:
    """The pages of an Ogg file."""
    found, position = [], 0
    while position < len(content):
        table = content[position + 27 : position + 27 + content[position + 26]]
        end = position + 27 + len(table) + sum(table)
        found.append(content[position:end])
        position = end
    return found


REVERSED: Final = bytes(int(f"{octet:08b}"[::-1], 2) for octet in range(256))


def ogg_crc(page: bytes) -> bytes:
    """The check sum of Ogg, which shifts to the left where zlib's shifts to the right, and inverts nothing."""
    return (zlib.crc32(page.translate(REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF).to_bytes(4, "big").translate(REVERSED)


def ogg_page(page: bytes, *, granule: int | None = None, serial: int | None = None, flags: int | None = None) -> bytes:
    """The page with other header fields and the check sum that belongs to them (RFC 3533 section 6)."""
    made = bytearray(page)
    if granule is not None:
        made[6:14] = struct.pack("<q", granule)
    if serial is not None:
        made[14:18] = struct.pack("<I", serial)
    if flags is not None:
        made[5] = flags
    made[22:26] = bytes(4)
    made[22:26] = ogg_crc(bytes(made))
    return bytes(made)


def reserial(content: bytes, serial: int) -> bytes:
    """The Ogg file of one bitstream with another serial number."""
    return b"".join(ogg_page(page, serial=serial) for page in ogg_pages(content))
