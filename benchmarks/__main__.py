"""`python -m benchmarks`: measure the gateway and its peers in one run, and write the results."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from http.client import HTTPException
from pathlib import Path
from typing import Final

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.corpus import WrongResponse, write_corpus
from benchmarks.goals import GOALS, judge
from benchmarks.machine import REPOSITORY, describe_machine
from benchmarks.peers import Site, missing, running_servers
from benchmarks.plan import FULL, QUICK, Plan
from benchmarks.processes import NotStarted, choose_cores
from benchmarks.report import (
    LOCAL_BLOCK,
    README_BLOCK,
    Run,
    performance_text,
    readme_text,
    targets_table,
    write_block,
    write_results,
)
from benchmarks.rows import Round, as_round
from benchmarks.scenarios import SCENARIOS, Bench
from benchmarks.seekgate import installed
from benchmarks.target import Target

RESULTS: Final = REPOSITORY / "benchmarks" / "results"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--quick", is_flag=True, help="A short run that shows that the benchmark works; its numbers mean little.")
@click.option("--rounds", type=click.IntRange(1, 20), help="How many times everything is measured.")
@click.option(
    "--only",
    type=click.Choice(list(SCENARIOS)),
    multiple=True,
    help="Measure this scenario only; may be repeated. The results are not written into the repository.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder for the results, instead of the repository.",
)
def main(*, quick: bool, rounds: int | None, only: tuple[str, ...], output: Path | None) -> None:
    """Compare the gateway with nginx, aiohttp and Starlette, and write a report."""
    for program in ("wrk", "taskset", "curl"):
        if shutil.which(program) is None:
            raise click.ClickException(f"{program} is missing (apt install wrk util-linux curl)")
    plan = QUICK if quick else FULL
    folder = output or (Path(tempfile.gettempdir()) / "seekgate-benchmarks" if quick or only else RESULTS)
    try:
        run = measure_all(plan, rounds or plan.rounds, only or tuple(SCENARIOS))
    except (WrongResponse, NotStarted, subprocess.SubprocessError, OSError, HTTPException) as error:
        raise click.ClickException(str(error)) from error
    write_results(run, folder)
    if folder == RESULTS:
        write_block(REPOSITORY / README_BLOCK.document, README_BLOCK, readme_text(run))
        write_block(REPOSITORY / LOCAL_BLOCK.document, LOCAL_BLOCK, performance_text(run, LOCAL_BLOCK))
    click.echo(targets_table(run.verdicts))
    click.echo(f"\n{folder}/results.md", err=True)


def measure_all(plan: Plan, rounds: int, scenarios: Sequence[str]) -> Run:
    """These scenarios, that many rounds of each."""
    machine = describe_machine()
    cores = choose_cores()
    with tempfile.TemporaryDirectory(prefix="seekgate-benchmarks-") as name, _steps(rounds) as (step, finish):
        folder = Path(name)
        (folder / "media").mkdir()
        step("the corpus and the database")
        corpus = write_corpus(folder / "media", plan.corpus_bytes)
        with installed(folder, corpus) as installation, _pinned(cores[-1]):
            site = Site(folder, installation, cores[:1])
            found: list[Round] = []
            with _servers(plan, site) as servers:
                for number in range(rounds):
                    bench = Bench(plan, site, servers, cores, corpus, number, step)
                    found.append(as_round(row for name in scenarios for row in SCENARIOS[name](bench)))
                    finish()
    machine["load average after"] = " ".join(f"{load:.2f}" for load in os.getloadavg())
    return Run(machine, found, judge(GOALS, found), [*_layout(cores), *(f"without {each}" for each in missing())])


@contextmanager
def _servers(plan: Plan, site: Site) -> Iterator[Callable[[], AbstractContextManager[list[Target]]]]:
    """Starts the servers with one worker: each time that a scenario asks for them, or once for all."""
    if not plan.shares_servers:
        yield lambda: running_servers(site)
        return
    with running_servers(site) as targets:
        yield lambda: nullcontext(targets)


def _layout(cores: tuple[int, ...]) -> list[str]:
    if len(cores) == 1:
        return ["servers and load share one core: only CPU times can be compared"]
    return [f"servers on core {cores[0]}, load on core {cores[-1]}; with 2 workers, servers on both"]


@contextmanager
def _pinned(core: int) -> Iterator[None]:
    """Run this process, which is the load, on one core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def _steps(rounds: int) -> Iterator[tuple[Callable[[str], None], Callable[[], None]]]:
    """Show progress, but draw nothing during a measurement."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console = Console(stderr=True, highlight=False)
    with Progress(*columns, console=console, auto_refresh=False) as progress:
        task = progress.add_task("", total=rounds)

        def step(words: str) -> None:
            progress.update(task, description=words, refresh=True)
            if not console.is_terminal:
                print(words, file=sys.stderr, flush=True)

        yield step, lambda: progress.advance(task)


if __name__ == "__main__":
    main()
