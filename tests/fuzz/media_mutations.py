"""Damaged and hostile media files, each one made from a seed: real files of every kind, changed in ways that break parsers."""

import struct
import tempfile
import zlib
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from random import Random
from typing import Final

from tests.media_files import PICTURES, SOUNDS, STILLS, make_sound, make_still, make_video

NAMES: Final = (*SOUNDS, *PICTURES, *STILLS)
HUGE: Final = (0xFFFFFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFFFFFFFFFF, 0x7FFFFFFFFFFFFFFF, 0, 1)
# Where headers are, so that most changes change what is parsed first.
HEAD_BYTES: Final = 600


@cache
def sample(name: str) -> bytes:
    """A good file, two seconds long."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        make = make_sound if name in SOUNDS else make_video if name in PICTURES else make_still
        return make(path).read_bytes()


def flip_bits(content: bytes, chance: Random) -> bytes:
    changed = bytearray(content)
    for _ in range(chance.randint(1, 40)):
        place = chance.randrange(min(len(changed), chance.choice((HEAD_BYTES, len(changed)))))
        changed[place] ^= 1 << chance.randrange(8)
    return bytes(changed)


def overwrite(content: bytes, chance: Random) -> bytes:
    changed = bytearray(content)
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(min(len(changed), HEAD_BYTES))
        noise = chance.randbytes(chance.randint(1, 32))
        changed[place : place + len(noise)] = noise
    return bytes(changed)


def cut(content: bytes, chance: Random) -> bytes:
    return content[: chance.randint(1, chance.choice((64, HEAD_BYTES, len(content))))]


def remove_a_part(content: bytes, chance: Random) -> bytes:
    start = chance.randrange(len(content))
    return content[:start] + content[start + chance.randint(1, 5_000) :] or b"\0"


def repeat_a_part(content: bytes, chance: Random) -> bytes:
    start = chance.randrange(len(content))
    part = content[start : start + chance.randint(1, 2_000)]
    return content[:start] + part * chance.randint(2, 200) + content[start:]


def declare_a_huge_size(content: bytes, chance: Random) -> bytes:
    changed = bytearray(content)
    for _ in range(chance.randint(1, 3)):
        form = chance.choice(("<I", ">I", "<Q", ">Q", "<H", ">H"))
        width = struct.calcsize(form)
        place = chance.randrange(max(min(len(changed), HEAD_BYTES) - width, 1))
        struct.pack_into(
            form, changed.ljust(width, b"\0") if len(changed) < width else changed, place, huge(form, chance)
        )
    return bytes(changed)


def huge(form: str, chance: Random) -> int:
    return chance.choice(HUGE) & (1 << 8 * struct.calcsize(form)) - 1


def splice(content: bytes, chance: Random) -> bytes:
    """The head of one file and the rest of another."""
    other = sample(chance.choice(NAMES))
    return content[: chance.randint(1, HEAD_BYTES)] + other[chance.randrange(len(other)) :]


def prepend_a_tag(content: bytes, chance: Random) -> bytes:
    """An ID3 tag that claims any size before the file."""
    size = bytes(chance.randrange(128) for _ in range(4))
    return b"ID3" + bytes((chance.choice((2, 3, 4)), 0, chance.choice((0, 0x10, 0x80)))) + size + content


MUTATIONS: Final[Sequence[Callable[[bytes, Random], bytes]]] = (
    flip_bits,
    overwrite,
    cut,
    remove_a_part,
    repeat_a_part,
    declare_a_huge_size,
    splice,
    prepend_a_tag,
)


def hostile_file(chance: Random) -> bytes:
    """One of the files that are built to be hostile, or a good file with one change or two."""
    if chance.random() < 0.15:
        return chance.choice(BUILT)(chance)
    content = sample(chance.choice(NAMES))
    for _ in range(chance.randint(1, 2)):
        content = chance.choice(MUTATIONS)(content, chance)
    return content


def gif_with_a_huge_canvas(chance: Random) -> bytes:
    """A GIF of 35 bytes that asks for up to 4 gigapixels."""
    size = struct.pack("<HH", chance.choice((65_535, 32_768, 1)), chance.choice((65_535, 16_384)))
    return b"GIF89a" + size + b"\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0" + size + b"\0\x02\x02D\x01\0;"


def png_with_a_huge_canvas(chance: Random) -> bytes:
    head = struct.pack(
        ">IIBBBBB", chance.choice((2**31 - 1, 60_000)), chance.choice((2**31 - 1, 60_000)), 8, 6, 0, 0, 0
    )
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(bytes(4_000_000))), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )


def webp_with_a_huge_canvas(_: Random) -> bytes:
    body = b"VP8X" + struct.pack("<I", 10) + b"\x10\0\0\0" + b"\xff\xff\xff" * 2
    return b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body


def boxes_without_end(chance: Random) -> bytes:
    """An MP4 file of very many small boxes, inside one another or in a row."""
    count = chance.randint(1_000, 100_000)
    kind = chance.choice((b"free", b"moov", b"trak", b"udta", b"moof"))
    head = b"\0\0\0\x18ftypisom\0\0\0\0isommp42"
    if chance.random() < 0.5:
        return head + (struct.pack(">I", 8) + kind) * count
    return head + b"".join(struct.pack(">I", 8 * (count - depth)) + kind for depth in range(count))


def movie_with_huge_tables(chance: Random) -> bytes:
    """A good movie whose tables of samples claim four thousand million entries."""
    changed = bytearray(sample(chance.choice(("moving.mp4", "moving.mov", "moov-first.m4a"))))
    for kind in (b"stts", b"stsz", b"stsc", b"stco", b"ctts", b"elst", b"trun"):
        place = changed.find(kind)
        if place >= 0 and chance.random() < 0.6:
            struct.pack_into(">I", changed, place + 8, chance.choice(HUGE) & 0xFFFFFFFF)
    return bytes(changed)


def elements_without_end(chance: Random) -> bytes:
    """A Matroska file whose elements contain each other, or claim any size."""
    changed = bytearray(sample(chance.choice(("sound.webm", "moving.mkv", "sound.mka"))))
    for element in (b"\x18\x53\x80\x67", b"\x16\x54\xae\x6b", b"\xae", b"\x1f\x43\xb6\x75", b"\x63\xa2"):
        place = changed.find(element)
        if place >= 0 and chance.random() < 0.6:
            changed[place + len(element)] = chance.choice((0x01, 0xFF, 0x10, 0x81))
    return bytes(changed) + b"\x1f\x43\xb6\x75\xff" * chance.randint(0, 20_000)


def pages_without_end(chance: Random) -> bytes:
    """An Ogg file of very many streams that each begin."""
    page = b"OggS\0\x02" + bytes(8)
    return b"".join(page + struct.pack("<III", n, 0, 0) + b"\x01\x00" for n in range(chance.randint(10, 20_000)))


def wav_of_any_rate(chance: Random) -> bytes:
    """A WAV file of extreme parameters."""
    channels, rate, width = (
        chance.choice((0, 1, 65_535)),
        chance.choice((0, 1, 2**32 - 1)),
        chance.choice((0, 8, 16, 65_528)),
    )
    form = struct.pack(
        "<HHIIHH", chance.choice((1, 3, 6, 0xFFFE)), channels, rate, 0, chance.choice((0, 1, 65_535)), width
    )
    return (
        b"RIFF"
        + struct.pack("<I", 0xFFFFFFFF)
        + b"WAVEfmt "
        + struct.pack("<I", 16)
        + form
        + b"data\xff\xff\xff\xff"
        + bytes(100_000)
    )


def playlist(_: Random) -> bytes:
    """A playlist that names a file of the machine."""
    return b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n"


def flac_with_a_huge_picture(_: Random) -> bytes:
    return b"fLaC" + b"\x06\xff\xff\xff" + sample("sound.flac")[4:]


BUILT: Final[Sequence[Callable[[Random], bytes]]] = (
    gif_with_a_huge_canvas,
    png_with_a_huge_canvas,
    webp_with_a_huge_canvas,
    boxes_without_end,
    movie_with_huge_tables,
    elements_without_end,
    pages_without_end,
    wav_of_any_rate,
    playlist,
    flac_with_a_huge_picture,
)
