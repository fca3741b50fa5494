"""How much is measured: everything, or a smoke of a minute.

Knows: sizes, rates, durations. Refuses to know: servers.
"""

from dataclasses import dataclass
from typing import Final

KIB: Final = 1024
MIB: Final = 1024 * KIB


@dataclass(frozen=True, slots=True)
class Plan:
    """`lengths` are bytes of a range, 0 for the whole file of `corpus_bytes`; `rates` are requests a second.

    With `player_seconds` 0 each player seeks once.
    """

    rounds: int
    corpus_bytes: int
    lengths: tuple[int, ...]
    lengths_with_workers: tuple[int, ...]
    rates: tuple[int, ...]
    warm_seconds: int
    seconds: int
    player_seconds: int
    slow_readers: int
    verified: int
    counts_sql: bool  # takes half a minute of waiting


FULL: Final = Plan(
    rounds=3,
    corpus_bytes=256 * MIB,
    lengths=(2, 64 * KIB, MIB, 16 * MIB, 0),
    lengths_with_workers=(64 * KIB, MIB),
    rates=(500, 1000, 2000),
    warm_seconds=1,
    seconds=4,
    player_seconds=4,
    slow_readers=2000,
    verified=50,
    counts_sql=True,
)
QUICK: Final = Plan(
    rounds=1,
    corpus_bytes=24 * MIB + 17,
    lengths=(64 * KIB,),
    lengths_with_workers=(MIB,),
    rates=(100,),
    warm_seconds=0,
    seconds=1,
    player_seconds=0,
    slow_readers=50,
    verified=10,
    counts_sql=False,
)


def length_name(length: int) -> str:
    """A length as rows are called: `64 KiB`, `whole`."""
    if not length:
        return "whole"
    if length >= MIB:
        return f"{length // MIB} MiB"
    return f"{length // KIB} KiB" if length >= KIB else f"{length} B"


def connections_for(length: int) -> int:
    """How many clients ask at once: enough to fill one core, fewer the more each of them takes."""
    if not length:
        return 2
    return 32 if length <= MIB else 8
