"""python -m benchmarks.recordings_list: pages of a million recordings, by every filter and at any depth.

first page    newest first, for each combination of filters, and in every other order
deep page     a page after many others, by offset and by cursor
"""

import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection, HTTPException
from itertools import product
from pathlib import Path
from typing import Final, get_args
from urllib.parse import urlencode

import click
from rich.console import Console
from rich.progress import track

from benchmarks.__main__ import RESULTS
from benchmarks.corpus import write_corpus
from benchmarks.cpu import CpuMeter
from benchmarks.goals import GATEWAY, Goal, judge
from benchmarks.machine import REPOSITORY, describe_machine
from benchmarks.open_loop import percentile
from benchmarks.plan import KIB
from benchmarks.processes import HOST, NotStarted, choose_cores
from benchmarks.recordings_table import DEVICES, STATUSES, USERS, cursor_after, fill
from benchmarks.report import LIST_BLOCK, Run, performance_text, table, targets_table, write_block, write_results
from benchmarks.rows import Round, Row, as_round
from benchmarks.seekgate import Gateway, installed, running_gateway
from benchmarks.target import TIMEOUT_SECONDS
from gateway.catalog import RecordingSort

FILTERS: Final = ("device_id", "end_user_id", "status")
DEPTHS: Final = (0.01, 0.1, 0.9)
_CONSOLE: Final = Console(stderr=True)

Query = Callable[[random.Random], dict[str, str]]


@dataclass(frozen=True, slots=True)
class Page:
    """One row of the table. `query` returns the parameters of one request; their values may differ each time."""

    scenario: str
    load: str
    query: Query


def _slowest(rows: Round, start: str) -> float:
    return max(row.values["p99_ms"] for id, row in rows.items() if id.startswith(start))


def _dearest_cursor(rows: Round) -> float:
    dearest = max(row.values["database_us"] for id, row in rows.items() if id.startswith("deep page/cursor"))
    return dearest / rows[f"first page/all, 25/{GATEWAY}"].values["database_us"]


GOALS: Final[tuple[Goal, ...]] = (
    Goal("a first page, 99 of 100, by the slowest filter", 10, " ms", lambda rows: _slowest(rows, "first page")),
    Goal("PostgreSQL's CPU for a page by cursor at any depth, over the first page", 1.5, "×", _dearest_cursor),
)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--rows", type=click.IntRange(1000), default=1_000_000, show_default=True, help="Recordings in the list.")
@click.option("--requests", type=click.IntRange(20), default=500, show_default=True, help="Pages per measurement.")
@click.option(
    "--rounds", type=click.IntRange(1, 20), default=3, show_default=True, help="How many times each page is measured."
)
@click.option("--output", type=click.Path(path_type=Path, file_okay=False), help="The folder for the results.")
def main(*, rows: int, requests: int, rounds: int, output: Path | None) -> None:
    """Measure the list of recordings over HTTP, and write a report."""
    try:
        run = measure_all(rows, requests, rounds)
    except (NotStarted, OSError, HTTPException) as error:
        raise click.ClickException(str(error)) from error
    folder = output or RESULTS / "recordings-list"
    write_results(run, folder)
    if output is None:
        write_block(REPOSITORY / LIST_BLOCK.document, LIST_BLOCK, performance_text(run, LIST_BLOCK))
    click.echo(targets_table(run.verdicts))
    click.echo(table(run.rows))
    click.echo(f"\n{folder}/results.md", err=True)


def measure_all(rows: int, requests: int, rounds: int) -> Run:
    """Measure every page in each round."""
    machine, cores = describe_machine(), choose_cores()
    with tempfile.TemporaryDirectory(prefix="seekgate-list-") as name:
        folder = Path(name)
        (folder / "media").mkdir()
        with installed(folder, write_corpus(folder / "media", KIB)) as installation:
            batches = fill(installation.database_url, rows)
            for _ in track(batches, "filling", total=rows, console=_CONSOLE):
                pass
            pages = [*first_pages(), *deep_pages(installation.database_url, rows)]
            with running_gateway(installation, workers=1, cores=cores[:1]) as gateway:
                work = [(number, page) for number in range(rounds) for page in pages]
                found = [
                    (number, measure(gateway, page, requests, seed=number))
                    for number, page in track(work, "measuring", console=_CONSOLE)
                ]
    measured = [as_round(row for number, row in found if number == wanted) for wanted in range(rounds)]
    notes = [f"{rows:,} recordings of one owner, {requests} pages one after the other; the gateway on core {cores[0]}"]
    machine["load average after"] = " ".join(f"{load:.2f}" for load in os.getloadavg())
    return Run(machine, measured, judge(GOALS, measured), notes)


def first_pages() -> Iterator[Page]:
    """A first page for every combination of filters, and the largest page."""
    for chosen in product((False, True), repeat=len(FILTERS)):
        names = [name for name, wanted in zip(FILTERS, chosen, strict=True) if wanted]
        yield Page("first page", f"{' and '.join(names) or 'all'}, 25", partial(values, names=names))
    yield Page("first page", "all, 100", partial(always, limit="100"))
    for sort in get_args(RecordingSort)[1:]:
        yield Page("first page", f"sort={sort}, 25", partial(always, sort=sort))
    yield Page("first page", "type and length, 25", partial(always, type="video", min_duration_ms="3600000"))


def always(_seeded: random.Random, **query: str) -> dict[str, str]:
    """The same query each time."""
    return query


def values(seeded: random.Random, names: Sequence[str]) -> dict[str, str]:
    """A random value for each of these filters."""
    chosen = {
        "device_id": f"device {seeded.randrange(DEVICES)}",
        "end_user_id": f"user {seeded.randrange(USERS)}",
        "status": seeded.choice(STATUSES),
    }
    return {name: chosen[name] for name in names}


def deep_pages(database_url: str, rows: int) -> Iterator[Page]:
    """The page after 1, 10 and 90 percent of the recordings, by offset and by cursor."""
    for depth in DEPTHS:
        offset = int(rows * depth)
        cursor = cursor_after(database_url, offset)
        yield Page("deep page", f"offset {offset:,}", partial(always, offset=str(offset)))
        yield Page("deep page", f"cursor after {offset:,}", partial(always, cursor=cursor))


def measure(gateway: Gateway, page: Page, requests: int, *, seed: int) -> Row:
    """Request the page `requests` times on one connection, after a tenth as many requests to warm up."""
    seeded = random.Random(seed)
    connection = HTTPConnection(HOST, gateway.port, timeout=TIMEOUT_SECONDS)
    try:
        for _ in range(requests // 10):
            ask(connection, gateway, page.query(seeded))
        cpu, database = CpuMeter(gateway.pid), CpuMeter(gateway.installation.database_pid)
        times = sorted(ask(connection, gateway, page.query(seeded)) for _ in range(requests))
        spent = {
            "cpu_us": cpu.nanoseconds() / 1e3 / requests,
            "database_us": database.nanoseconds() / 1e3 / requests,
        }
    finally:
        connection.close()
    waited = {"p50_ms": percentile(times, 0.5), "p99_ms": percentile(times, 0.99), "max_ms": times[-1]}
    return Row(page.scenario, page.load, GATEWAY, spent | waited)


def ask(connection: HTTPConnection, gateway: Gateway, query: dict[str, str]) -> float:
    """Milliseconds to the end of the response. Raises HTTPException if its status is not 200."""
    headers = {"X-API-Key": gateway.installation.key}
    start = time.perf_counter()
    connection.request("GET", f"/v1/recordings?{urlencode(query)}", headers=headers)
    response = connection.getresponse()
    body = response.read()
    seconds = time.perf_counter() - start
    if response.status != 200:
        raise HTTPException(f"{query} was answered with {response.status}: {body[:200]!r}")
    return seconds * 1000


if __name__ == "__main__":
    main()
