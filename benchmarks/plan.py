"""How much a run measures: the sizes, rates and durations of a full run and of a smoke test of two minutes."""

from dataclasses import dataclass
from typing import Final

KIB: Final = 1024
MIB: Final = 1024 * KIB


@dataclass(frozen=True, slots=True)
class Plan:
    """`lengths` are bytes of a range, 0 for the whole file of `corpus_bytes`; `rates` are requests a second.

    `open_loop_seconds` is how long requests arrive at a fixed rate, `stall_seconds` how long they arrive in each of `seconds`
    passes that look for stalls. If `player_seconds` is 0, each player seeks once. `fast_seeks` are timed before and beside
    the slow readers. Before a load is measured, `verified` responses to it are compared with the corpus. If `shares_servers`
    is set, those with one worker are started once for all scenarios; otherwise each scenario measures new ones.
    """

    rounds: int
    corpus_bytes: int
    lengths: tuple[int, ...]
    lengths_with_workers: tuple[int, ...]
    rates: tuple[int, ...]
    warm_seconds: int
    seconds: int
    open_loop_seconds: float
    stall_seconds: float
    player_seconds: int
    slow_readers: int
    fast_seeks: int
    verified: int
    counts_sql: bool  # waits half a minute
    shares_servers: bool


FULL: Final = Plan(
    rounds=3,
    corpus_bytes=256 * MIB,
    lengths=(2, 64 * KIB, MIB, 16 * MIB, 0),
    lengths_with_workers=(64 * KIB, MIB),
    rates=(500, 1000, 2000),
    warm_seconds=1,
    seconds=4,
    open_loop_seconds=4,
    stall_seconds=1,
    player_seconds=4,
    slow_readers=2000,
    fast_seeks=200,
    verified=50,
    counts_sql=True,
    shares_servers=False,
)
QUICK: Final = Plan(
    rounds=1,
    corpus_bytes=24 * MIB + 17,
    lengths=(64 * KIB,),
    lengths_with_workers=(MIB,),
    rates=(100,),
    warm_seconds=0,
    seconds=1,
    open_loop_seconds=0.05,
    stall_seconds=0.1,
    player_seconds=0,
    slow_readers=50,
    fast_seeks=10,
    verified=10,
    counts_sql=False,
    shares_servers=True,
)


def length_name(length: int) -> str:
    """A length as it appears in the names of rows: `64 KiB`, `whole`."""
    if not length:
        return "whole"
    if length >= MIB:
        return f"{length // MIB} MiB"
    return f"{length // KIB} KiB" if length >= KIB else f"{length} B"


def connections_for(length: int) -> int:
    """How many connections a load uses: enough to occupy one core, fewer for larger responses."""
    if not length:
        return 2
    return 32 if length <= MIB else 8
