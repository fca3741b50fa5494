"""The targets, each held against rows of the run.

Knows: the targets and which rows decide them. Refuses to know: how rows came about.

A target is met if it is met in every round.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from benchmarks.rows import Round

GATEWAY: Final = "seekgate, key"
AIOHTTP: Final = "aiohttp FileResponse"
STARLETTE: Final = "Starlette FileResponse"
NGINX: Final = "nginx"


@dataclass(frozen=True, slots=True)
class Goal:
    """At most `limit` (or `at_least`) of what `measure` makes of a round's rows; KeyError where a row is missing."""

    what: str
    limit: float
    unit: str
    measure: Callable[[Round], float]
    at_least: bool = False
    moonshot: bool = False

    @property
    def target(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.limit:g}{self.unit}"

    def is_met(self, value: float) -> bool:
        return value >= self.limit if self.at_least else value <= self.limit


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a goal: the value in each round that measured it."""

    goal: Goal
    values: tuple[float, ...]

    @property
    def met(self) -> bool | None:
        """None where nothing was measured."""
        return all(map(self.goal.is_met, self.values)) if self.values else None

    def in_words(self) -> Mapping[str, str]:
        """Target, measured, met, as text."""
        measured = ", ".join(f"{value:.3g}{self.goal.unit}" for value in self.values)
        met = {None: "not measured", True: "yes", False: "no"}[self.met]
        return {
            "what": self.goal.what,
            "kind": "moonshot" if self.goal.moonshot else "target",
            "target": self.goal.target,
            "measured in each round": measured,
            "met": met,
        }


def ratio(quantity: str, row: str, other: str) -> Callable[[Round], float]:
    """One row's quantity over another's, in the same round."""
    return lambda rows: rows[row].values[quantity] / rows[other].values[quantity]


def value(quantity: str, place: str) -> Callable[[Round], float]:
    """The gateway's quantity in a place like `stalls/cold file`."""
    return lambda rows: rows[f"{place}/{GATEWAY}"].values[quantity]


def _local(size: str, server: str) -> str:
    return f"local/{size}/{server}"


def _cpu(size: str, peer: str, limit: float, quantity: str = "cpu_us", *, moonshot: bool = False) -> Goal:
    what = f"local {size} ranges, {'CPU per byte' if quantity == 'cpu_ns_per_kib' else 'CPU per request'}, over {peer}"
    measure = ratio(quantity, _local(size, GATEWAY), _local(size, peer))
    return Goal(what, limit, "×", measure, moonshot=moonshot)


GOALS: Final[tuple[Goal, ...]] = (
    _cpu("64 KiB", AIOHTTP, 0.25),
    _cpu("64 KiB", STARLETTE, 0.09),
    _cpu("64 KiB", NGINX, 2, moonshot=True),
    _cpu("1 MiB", AIOHTTP, 0.6, "cpu_ns_per_kib"),
    _cpu("16 MiB", AIOHTTP, 0.6, "cpu_ns_per_kib"),
    _cpu("whole", AIOHTTP, 0.6, "cpu_ns_per_kib"),
    _cpu("1 MiB", NGINX, 1.5, "cpu_ns_per_kib", moonshot=True),
    Goal("the event loop's longest stall while a cold file is read", 5, " ms", value("max_ms", "stalls/cold file")),
    Goal(
        "the event loop's longest stall while a cold file is read",
        1,
        " ms",
        value("max_ms", "stalls/cold file"),
        moonshot=True,
    ),
    Goal("memory with 2 000 slow readers", 150, " KiB each", value("kib_per_connection", "slow readers/2000 readers")),
    Goal(
        "memory with 2 000 slow readers",
        64,
        " KiB each",
        value("kib_per_connection", "slow readers/2000 readers"),
        moonshot=True,
    ),
    # Upkeep (the deletion queue, a key's last use) makes a transaction every few seconds: less than one in 200 seeks.
    Goal("SQL on the path of a repeated seek", 0.005, " per seek", value("statements_per_seek", "SQL/repeated seek")),
)


def judge(goals: Sequence[Goal], rounds: Sequence[Round]) -> list[Verdict]:
    """Each goal with what every round says of it."""
    return [Verdict(goal, tuple(_measured(goal, rounds))) for goal in goals]


def _measured(goal: Goal, rounds: Sequence[Round]) -> list[float]:
    found = []
    for each in rounds:
        try:
            found.append(goal.measure(each))
        except KeyError:  # a row that this run, or this machine, does not have
            continue
    return found
