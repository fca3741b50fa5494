"""Recognises and measures still and animated pictures by their headers; no picture is ever decoded.

JPEG (ITU-T T.81 annex B), PNG and APNG (W3C PNG section 5), GIF89a, and WebP (RFC 9649).
"""

from collections.abc import Callable, Mapping
from typing import Final

from gateway.media.decoding.object_file import ObjectFile
from gateway.media.facts import MediaFacts, NotMedia
from gateway.media.formats import MAX_PIXELS

# Visit at most this many markers, chunks or blocks; a picture has a few dozen before its data.
_STEPS: Final = 10_000
# JPEG's start-of-frame markers; C4, C8 and CC have other meanings.
_FRAMES: Final = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}

Size = tuple[int, int]


def find_image(file: ObjectFile) -> MediaFacts | None:
    """The facts of the picture; None if the file does not begin like one.

    Raises NotMedia for a picture that is damaged, or larger than MAX_PIXELS.
    """
    for signature, (format, codec, measure) in _KINDS.items():
        if file.at(0, len(signature)) == signature and (format != "webp" or file.at(8, 4) == b"WEBP"):
            width, height = measure(file)
            if not width or not height:
                raise NotMedia("its picture has no pixels")
            if width * height > MAX_PIXELS:
                raise NotMedia(f"its picture has {width} × {height} pixels, and at most {MAX_PIXELS} are accepted")
            type = f"image/{'jpeg' if format == 'jpg' else format}"
            return MediaFacts("image", format, type, metadata={"codec": codec, "width": width, "height": height})
    return None


def _measure_jpeg(file: ObjectFile) -> Size:
    position = 2
    for _ in range(_STEPS):
        marker = file.at(position, 4)
        if len(marker) < 4 or marker[0] != 0xFF:
            break
        if marker[1] == 0xFF:  # a fill byte
            position += 1
        elif marker[1] in _FRAMES:
            frame = file.at(position + 5, 4)
            return _number(frame[2:4]), _number(frame[:2])
        elif marker[1] == 0xDA:
            break
        else:
            position += 2 + _number(marker[2:4])
    raise NotMedia("its JPEG header is damaged")


def _measure_png(file: ObjectFile) -> Size:
    header = file.at(8, 16)
    if header[:8] != b"\0\0\0\rIHDR":
        raise NotMedia("its PNG header is damaged")
    position = 33
    for _ in range(_STEPS):
        chunk = file.at(position, 8)
        if len(chunk) < 8:
            break
        if chunk[4:] == b"IDAT":
            return _number(header[8:12]), _number(header[12:16])
        position += 12 + _number(chunk[:4])
    raise NotMedia("there is no picture in the PNG file")


def _measure_gif(file: ObjectFile) -> Size:
    header = file.at(0, 13)
    if len(header) < 13:
        raise NotMedia("its GIF header is damaged")
    table = 3 << (header[10] & 7) + 1 if header[10] & 0x80 else 0
    position = 13 + table
    for _ in range(_STEPS):
        block = file.at(position, 1)
        if block == b",":
            return int.from_bytes(header[6:8], "little"), int.from_bytes(header[8:10], "little")
        if block != b"!":
            break
        position = _after_sub_blocks(file, position + 2)
    raise NotMedia("there is no picture in the GIF file")


def _after_sub_blocks(file: ObjectFile, position: int) -> int:
    for _ in range(_STEPS):
        length = file.at(position, 1)
        if not length or not length[0]:
            break
        position += 1 + length[0]
    return position + 1


def _measure_webp(file: ObjectFile) -> Size:
    kind, body = file.at(12, 4), file.at(20, 10)
    if len(body) == 10:
        if kind == b"VP8X":
            return int.from_bytes(body[4:7], "little") + 1, int.from_bytes(body[7:10], "little") + 1
        if kind == b"VP8 " and body[3:6] == b"\x9d\x01\x2a":
            return int.from_bytes(body[6:8], "little") & 0x3FFF, int.from_bytes(body[8:10], "little") & 0x3FFF
        if kind == b"VP8L" and body[0] == 0x2F:
            bits = int.from_bytes(body[1:5], "little")
            return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    raise NotMedia("its WebP header is damaged")


def _number(octets: bytes) -> int:
    return int.from_bytes(octets, "big")


# First bytes → the usual extension, the codec, and the function that measures the picture.
_KINDS: Final[Mapping[bytes, tuple[str, str, Callable[[ObjectFile], Size]]]] = {
    b"\xff\xd8\xff": ("jpg", "mjpeg", _measure_jpeg),
    b"\x89PNG\r\n\x1a\n": ("png", "png", _measure_png),
    b"GIF87a": ("gif", "gif", _measure_gif),
    b"GIF89a": ("gif", "gif", _measure_gif),
    b"RIFF": ("webp", "webp", _measure_webp),
}
