"""Sound of any size: a WAV file of seeded noise, for uploads of which every byte counts."""

import struct
from random import Random

BLOCK_BYTES = 1024 * 1024


def make_wav(size: int, seed: int = 1) -> bytes:
    """A file of exactly `size` bytes: 16 bits, mono, 48 kHz."""
    chance = Random(seed)
    noise = chance.randbytes(min(BLOCK_BYTES, size))
    body = b"".join(struct.pack("<Q", number) + noise[8:] for number in range(size // BLOCK_BYTES + 1))
    return wav_header(size) + body[: size - 44]


def wav_header(size: int) -> bytes:
    """The 44 bytes before the samples."""
    form = struct.pack("<HHIIHH", 1, 1, 48_000, 96_000, 2, 16)
    return b"RIFF" + struct.pack("<I", size - 8) + b"WAVEfmt \x10\0\0\0" + form + b"data" + struct.pack("<I", size - 44)
