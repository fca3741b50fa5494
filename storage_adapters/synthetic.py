"""Objects that are stored nowhere: every byte follows from the key and the offset. For load tests.

    key       synthetic/SEED/SIZE     SEED 0 … 262138, SIZE 0 … 2^53 - 1 (bytes), decimal, no leading zeros
    byte      TABLE[(offset + 7919 * SEED) mod 262139]
    TABLE     TABLE[i] = floor(x / 256) mod 256, with x the output number i (from 0) of `minstd_rand`:
              x = 48271 * x mod 2147483647, starting from x = 1, so that the first output is 48271

Nothing there exceeds 2^53, so a harness in any language checks a range without the file. 262139 is prime:
an answer from a wrong offset agrees with the right one only by chance, unless it is off by a multiple of
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
"""Bytes that one step of a read yields at most."""
LAST_MODIFIED: Final = datetime(2024, 1, 1, tzinfo=UTC)
"""The same for all objects, always: their bytes never change."""

_KEY: Final = re.compile(r"synthetic/(0|[1-9][0-9]{0,5})/(0|[1-9][0-9]{0,15})")
# The pattern's file repeats it, so that the kernel can send pieces of some 4 MiB in one call.
_REPETITIONS: Final = 17


async def connect() -> "SyntheticStorage":
    """The adapter, with every synthetic object in it."""
    return SyntheticStorage()


def object_key(seed: int, size: int) -> str:
    """The key of the object with these numbers; ValueError outside their bounds."""
    if not 0 <= seed < PERIOD or not 0 <= size <= MAX_SIZE:
        raise ValueError(f"no synthetic object has seed {seed} and size {size}")
    return f"synthetic/{seed}/{size}"


def make_table() -> bytes:
    """The pattern, from its definition (about 0.1 s)."""
    table, state = bytearray(), 1
    for _ in range(PERIOD):
        state = state * 48_271 % 2_147_483_647
        table.append(state >> 8 & 255)
    return bytes(table)


class Pattern:
    """The pattern, several times over, in a file without a name that the kernel can send from."""

    def __init__(self) -> None:
        self._file: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - open as long as the storage
        self._file.write(make_table() * _REPETITIONS)
        self._file.flush()
        self._mapped = mmap.mmap(self._file.fileno(), 0, access=mmap.ACCESS_READ)

    def piece(self, position: int, length: int) -> FilePiece:
        """Where the file holds the first of these bytes, at most `length` of them."""
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
    """One object: a place in the repeated pattern, and a size."""

    stat: ObjectStat
    shift: int
    pattern: Pattern

    async def read(self, offset: int, length: int) -> AsyncGenerator[bytes, None]:
        """Yield exactly these bytes (StoredObject.read)."""
        if offset < 0 or length < 0 or offset + length > self.stat.size:
            raise ValueError(f"{length} bytes at {offset} are not inside {self.stat.size}")
        end = offset + length
        while offset < end:
            chunk = self.pattern.window(self.shift + offset, end - offset)
            offset += len(chunk)
            yield chunk

    def file_piece(self, offset: int, length: int) -> FilePiece | None:
        """Where the kernel finds these bytes (ZeroCopy.file_piece)."""
        return self.pattern.piece(self.shift + offset, min(length, self.stat.size - offset))


class SyntheticStorage:
    """A StorageAdapter that holds every object of the corpus, except those that were deleted in this process."""

    def __init__(self) -> None:
        self._pattern = Pattern()
        self._forgotten: set[str] = set()

    @asynccontextmanager
    async def open(self, key: str, expected: ObjectStat | None = None) -> AsyncGenerator[SyntheticObject, None]:  # noqa: ARG002 - the protocol's parameter; measuring is free here
        """The one version there is."""
        seed, size = parse_key(key)
        if key in self._forgotten:
            raise ObjectNotFound(key, "it was deleted in this process")
        stat = ObjectStat(size, f"synthetic-{seed}-{size}", LAST_MODIFIED)
        yield SyntheticObject(stat, seed * SEED_STEP, self._pattern)

    async def delete(self, key: str) -> None:
        """Forget the object until the process ends: there is nothing to remove."""
        self._forgotten.add(key)

    async def ping(self) -> None:
        """Return: arithmetic is always there."""

    async def close(self) -> None:
        """Give the pattern's file back."""
        self._pattern.close()


def parse_key(key: str) -> tuple[int, int]:
    """Seed and size (bytes) of a key; InvalidKey if it is not of the corpus."""
    found = _KEY.fullmatch(key)
    seed, size = (int(number) for number in found.groups()) if found else (PERIOD, 0)
    if seed >= PERIOD or size > MAX_SIZE:
        raise InvalidKey(key, "not synthetic/SEED/SIZE within the corpus")
    return seed, size
