"""The synthetic adapter: objects whose bytes are computed from the key and the offset, for load tests.

    key       synthetic/SEED/SIZE     SEED 0 … 262138, SIZE 0 … 2^53 - 1 (bytes), decimal, no leading zeros
    byte      TABLE[(offset + 7919 * SEED) mod 262139]
    TABLE     TABLE[i] = floor(x / 256) mod 256, with x the output number i (from 0) of `minstd_rand`:
              x = 48271 * x mod 2147483647, starting from x = 1, so that the first output is 48271

No number here exceeds 2^53, so a test harness in any language can check a range without the file. 262139 is prime: a
response from a wrong offset agrees with the right one only by chance, unless the offset is wrong by a multiple of
262139, which no power of two and no 32-bit overflow is.
"""

import mmap
import re
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import IO, Final

from storage_adapters.base import FilePiece, InvalidKey, ObjectNotFound, ObjectStat, ZeroCopy

PERIOD: Final = 262_139
SEED_STEP: Final = 7919
MAX_SIZE: Final = 2**53 - 1
CHUNK_SIZE: Final = 256 * 1024
"""The largest chunk of a read, in bytes."""
LAST_MODIFIED: Final = datetime(2024, 1, 1, tzinfo=UTC)
"""The same for all objects: their bytes never change."""

_KEY: Final = re.compile(r"synthetic/(0|[1-9][0-9]{0,5})/(0|[1-9][0-9]{0,15})")
# The file repeats the pattern, so that the kernel can send about 4 MiB in one call.
_REPETITIONS: Final = 17


async def connect() -> "SyntheticStorage":
    """Create the adapter, which contains every synthetic object."""
    return SyntheticStorage()


def object_key(seed: int, size: int) -> str:
    """The key of the object with this seed and size. Raises ValueError outside their bounds."""
    if not 0 <= seed < PERIOD or not 0 <= size <= MAX_SIZE:
        raise ValueError(f"no synthetic object has seed {seed} and size {size}")
    return f"synthetic/{seed}/{size}"


def make_table() -> bytes:
    """Compute the pattern (about 0.1 s)."""
    table, state = bytearray(), 1
    for _ in range(PERIOD):
        state = state * 48_271 % 2_147_483_647
        table.append(state >> 8 & 255)
    return bytes(table)


class Pattern:
    """The pattern, repeated in an unnamed temporary file that the kernel can send from."""

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the storage
        self._file.write(make_table() * _REPETITIONS)
        self._file.flush()
        self._mapped = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)

    def piece(self, position: int, length: int) -> FilePiece:
        """The file piece with the first of these bytes, at most `length`."""
        start = position % PERIOD
        return FilePiece(self._file.fileno(), start, min(length, len(self._mapped) - start))

    def window(self, position: int, length: int) -> bytes:
        """The first of these bytes, at most CHUNK_SIZE."""
        start = position % PERIOD
        return self._mapped[start : start + min(length, CHUNK_SIZE)]

    def close(self) -> None:
        self._mapped.close()
        self._file.close()


@dataclass(frozen=True, slots=True)
class SyntheticObject(ZeroCopy):
    """One object: its stat, and where it starts in the repeated pattern."""

    stat: ObjectStat
    shift: int
    pattern: Pattern

    async def read(self, offset: int, length: int) -> AsyncGenerator[bytes, None]:
        """Yield exactly these bytes (StoredObject.read)."""
        self.stat.require_inside(offset, length)
        end = offset + length
        while offset < end:
            chunk = self.pattern.window(self.shift + offset, end - offset)
            offset += len(chunk)
            yield chunk

    def file_piece(self, offset: int, length: int) -> FilePiece | None:
        """The file piece with the first of these bytes (ZeroCopy.file_piece)."""
        return self.pattern.piece(self.shift + offset, min(length, self.stat.size - offset))


class SyntheticStorage:
    """A StorageAdapter with every synthetic object, except those deleted in this process."""

    def __init__(self) -> None:
        self._pattern = Pattern()
        self._forgotten: set[str] = set()

    @asynccontextmanager
    async def open(self, key: str, expected: ObjectStat | None = None) -> AsyncGenerator[SyntheticObject, None]:  # noqa: ARG002 - the protocol's parameter; measuring is free here
        """Open the object, which has only one version."""
        seed, size = parse_key(key)
        if key in self._forgotten:
            raise ObjectNotFound(key, "it was deleted in this process")
        stat = ObjectStat(size, f"synthetic-{seed}-{size}", LAST_MODIFIED)
        yield SyntheticObject(stat, seed * SEED_STEP, self._pattern)

    async def delete(self, key: str) -> None:
        """Hide the object until the process ends, since there is nothing to remove."""
        self._forgotten.add(key)

    async def ping(self) -> None:
        """Always succeed."""

    async def close(self) -> None:
        """Close the pattern's file."""
        self._pattern.close()


def parse_key(key: str) -> tuple[int, int]:
    """The seed and the size (bytes) in a key. Raises InvalidKey if no synthetic object has it."""
    found = _KEY.fullmatch(key)
    seed, size = (int(number) for number in found.groups()) if found else (PERIOD, 0)
    if seed >= PERIOD or size > MAX_SIZE:
        raise InvalidKey(key, f"it is not synthetic/SEED/SIZE with SEED below {PERIOD} and SIZE at most {MAX_SIZE}")
    return seed, size
