"""The file that every server serves, and the check that a response has its bytes.

The file is filled with the pattern of `storage_adapters.synthetic`, so that any range can be computed and compared.
"""

import os
import random
from dataclasses import dataclass
from pathlib import Path

from benchmarks.target import Target, ask
from storage_adapters.synthetic import PERIOD, make_table

NAME = "corpus.wav"


class WrongResponse(Exception):
    """A server sent something other than what was requested: its measurements are invalid."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """The file, of `size` bytes (at least one period of the pattern)."""

    path: Path
    size: int
    table: bytes

    def expected(self, offset: int, length: int) -> bytes:
        """The bytes of the file in this range."""
        start = offset % PERIOD
        repeated = self.table * ((start + length) // PERIOD + 1)
        return repeated[start : start + length]

    def evict(self) -> None:
        """Drop the file from the page cache, as far as the kernel allows."""
        with self.path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def write_corpus(folder: Path, size: int) -> Corpus:
    """Write the file (the synthetic object of seed 0 and this size), and flush it to disk."""
    table = make_table()
    path = folder / NAME
    with path.open("wb") as file:
        for offset in range(0, size, PERIOD):
            file.write(table[: size - offset])
        file.flush()
        os.fsync(file.fileno())  # dirty pages cannot be evicted
    return Corpus(path, size, table)


def verify(target: Target, corpus: Corpus, length: int, *, times: int, seed: int) -> None:
    """Request random ranges of this length (0: the whole file) and compare every byte. Raises WrongResponse."""
    chance = random.Random(seed)
    for _ in range(times if length else 1):
        first = chance.randrange(corpus.size - length + 1) if length else 0
        _verify_one(target, corpus, first, length)


def _verify_one(target: Target, corpus: Corpus, first: int, length: int) -> None:
    asked = f"bytes={first}-{first + length - 1}"
    response = ask(target, headers={"Range": asked} if length else {})
    stated = response.headers.get("content-range")
    expected = f"bytes {first}-{first + length - 1}/{corpus.size}" if length else None
    if response.status != (206 if length else 200) or stated != expected:
        raise WrongResponse(f"{target.server}: {asked} was answered with {response.status} and Content-Range {stated}")
    if response.body != corpus.expected(first, length or corpus.size):
        raise WrongResponse(f"{target.server}: {asked} was answered with wrong bytes")
