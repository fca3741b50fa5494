"""The file that everybody serves, and whether an answer holds its bytes.

Knows: the pattern of `storage_adapters.synthetic`, which fills the file, so that any range is checked by arithmetic.
Refuses to know: who serves it.
"""

import os
import random
from dataclasses import dataclass
from pathlib import Path

from benchmarks.target import Target, ask
from storage_adapters.synthetic import PERIOD, make_table

NAME = "corpus.wav"


class WrongAnswer(Exception):
    """A server sent something else than was asked for: its numbers mean nothing."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """A file of `size` bytes (at least one period of the pattern) in a folder."""

    path: Path
    size: int
    table: bytes

    def expected(self, offset: int, length: int) -> bytes:
        """These bytes of the file."""
        start = offset % PERIOD
        repeated = self.table * ((start + length) // PERIOD + 1)
        return repeated[start : start + length]

    def evict(self) -> None:
        """Drop the file from the page cache, as far as the system allows."""
        with self.path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def write_corpus(folder: Path, size: int) -> Corpus:
    """Make the file (the synthetic object of seed 0 and this size); on disk when this returns."""
    table = make_table()
    path = folder / NAME
    with path.open("wb") as file:
        for offset in range(0, size, PERIOD):
            file.write(table[: size - offset])
        file.flush()
        os.fsync(file.fileno())  # pages that are not clean cannot be evicted
    return Corpus(path, size, table)


def verify(target: Target, corpus: Corpus, length: int, *, times: int, seed: int) -> None:
    """Ask for random ranges of this length (0: the whole) and compare every byte; raises WrongAnswer."""
    chance = random.Random(seed)
    for _ in range(times if length else 1):
        first = chance.randrange(corpus.size - length + 1) if length else 0
        _verify_one(target, corpus, first, length)


def _verify_one(target: Target, corpus: Corpus, first: int, length: int) -> None:
    asked = f"bytes={first}-{first + length - 1}"
    answer = ask(target, headers={"Range": asked} if length else {})
    stated = answer.headers.get("content-range")
    expected = f"bytes {first}-{first + length - 1}/{corpus.size}" if length else None
    if answer.status != (206 if length else 200) or stated != expected:
        raise WrongAnswer(f"{target.server}: {asked} got {answer.status}, Content-Range {stated}")
    if answer.body != corpus.expected(first, length or corpus.size):
        raise WrongAnswer(f"{target.server}: {asked} got other bytes")
