"""The results of a benchmark: rows of named quantities with their units, and the median over several rounds.

A row's id is its scenario, its load and its server, like `local/64 KiB/nginx`; goals and reports cite it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final


@dataclass(frozen=True, slots=True)
class Quantity:
    """The title of a column, and how many decimal places are significant."""

    title: str
    digits: int


QUANTITIES: Final[Mapping[str, Quantity]] = {
    "cpu_us": Quantity("CPU µs/request", 1),
    "seek_cpu_us": Quantity("CPU µs/seek", 1),
    "database_us": Quantity("PostgreSQL µs/request", 1),
    "cpu_ns_per_kib": Quantity("CPU ns/KiB", 1),
    "requests_per_second": Quantity("requests/s", 0),
    "seeks_per_second": Quantity("seeks/s", 0),
    "mb_per_second": Quantity("MB/s", 0),
    "p50_ms": Quantity("p50 ms", 2),
    "p99_ms": Quantity("p99 ms", 2),
    "p999_ms": Quantity("p99.9 ms", 2),
    "max_ms": Quantity("max ms", 2),
    "first_byte_p50_ms": Quantity("first byte p50 ms", 2),
    "first_byte_p99_ms": Quantity("first byte p99 ms", 2),
    "seeks": Quantity("seeks made", 0),
    "sent_after_four": Quantity("sent/byte of the recording, 4 seeks", 2),
    "sent_per_byte": Quantity("sent/byte of the recording, 12 seeks", 2),
    "carried_per_byte": Quantity("over the link/byte of the recording, 12 seeks", 2),
    "sent_per_played": Quantity("sent/byte played", 2),
    "waits": Quantity("times playback waited", 0),
    "pause_max_ms": Quantity("longest pause ms", 0),
    "presses": Quantity("times play was pressed again", 0),
    "start_p50_ms": Quantity("seek to sound p50 ms", 0),
    "start_max_ms": Quantity("seek to sound max ms", 0),
    "upstream_per_byte": Quantity("bytes from S3/byte taken", 2),
    "kib_per_connection": Quantity("KiB/connection", 1),
    "idle_mib": Quantity("idle MiB", 1),
    "alone_p50_ms": Quantity("p50 ms before", 2),
    "beside_p50_ms": Quantity("p50 ms beside", 2),
    "statements_per_seek": Quantity("SQL transactions/seek", 4),
    "s3_requests_per_seek": Quantity("S3 requests/seek", 4),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement of one server under one load; `values` are named as in QUANTITIES."""

    scenario: str
    load: str
    server: str
    values: Mapping[str, float]

    @property
    def id(self) -> str:
        return f"{self.scenario}/{self.load}/{self.server}"


def row_of(id: str, values: Mapping[str, float]) -> Row:
    """The row with this id. A load may contain a slash (`8 Mbit/s`), a scenario and a server may not."""
    scenario, _, rest = id.partition("/")
    load, _, server = rest.rpartition("/")
    return Row(scenario, load, server, values)


Round = Mapping[str, Row]
"""The rows of one round by id."""


def as_round(rows: Iterable[Row]) -> Round:
    """Rows by id. Raises ValueError if two have the same id."""
    found: dict[str, Row] = {}
    for row in rows:
        if row.id in found:
            raise ValueError(f"two rows have the id {row.id!r}")
        found[row.id] = row
    return found


def merge_rounds(rounds: Sequence[Round]) -> list[Row]:
    """One row per id, each value the median over the rounds that have it, in the order of the first round."""
    ids = dict.fromkeys(id for each in rounds for id in each)
    return [_merge([each[id] for each in rounds if id in each]) for id in ids]


def _merge(rows: Sequence[Row]) -> Row:
    first = rows[0]
    values = {name: median(row.values[name] for row in rows if name in row.values) for name in first.values}
    return Row(first.scenario, first.load, first.server, values)


def shown(name: str, value: float) -> str:
    """The value as it appears in tables."""
    return f"{value:,.{QUANTITIES[name].digits}f}"
