"""python -m benchmarks.s3_ranges: ranges from S3 through this gateway, a naive handler and nginx, in one run.

S3 ranges        random ranges at full load: CPU of the front server, requests a second
S3 first byte    one request after the other: when the first byte of the body comes
S3 seek storm    players that seek and disconnect: bytes from S3 for each byte that they took
S3 far away      one read after the other, 30 ms a request and 16 MB/s a connection: time and CPU of each
S3 open-ended reads  the same near S3, with `bytes=N-` to the end of the object
S3 cached        random ranges from the slice cache, and the same from a local file
"""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.client import HTTPException
from pathlib import Path
from statistics import median
from typing import Final

import click

from benchmarks.__main__ import RESULTS
from benchmarks.corpus import Corpus, WrongResponse, verify, write_corpus
from benchmarks.goals import judge
from benchmarks.machine import REPOSITORY, describe_machine
from benchmarks.plan import FULL, KIB, MIB, QUICK, Plan, connections_for, length_name
from benchmarks.processes import NotStarted, choose_cores
from benchmarks.report import S3_BLOCK, Run, performance_text, targets_table, write_block, write_results
from benchmarks.rows import Round, Row, as_round
from benchmarks.s3_bucket import Bucket, running_bucket
from benchmarks.s3_goals import GOALS, PLAIN
from benchmarks.s3_readers import Storm, measure_first_byte, measure_reads, run_storm
from benchmarks.s3_servers import S3Site, running_cached, running_fronts, s3_installed
from benchmarks.shaping import ShapingProxy, shaped
from benchmarks.target import Target
from benchmarks.wrk import Load, measure

FAR_DELAY_SECONDS: Final = 0.03
FAR_BYTES_PER_SECOND: Final = 16e6
_SETTLING_SECONDS: Final = 10


@dataclass(frozen=True, slots=True)
class S3Plan:
    """How much: the common plan, and what only S3 has.

    `read_lengths` are read one after another by a single client, each at most `reads` times.
    """

    common: Plan
    lengths: tuple[int, ...]
    timed_requests: int
    storm: Storm
    read_lengths: tuple[int, ...]
    reads: int
    cached_turns: int


_LENGTHS: Final = (64 * KIB, MIB, 8 * MIB, 64 * MIB)
FULL_S3: Final = S3Plan(FULL, _LENGTHS, 1000, Storm(8, 40, 256 * KIB, MIB, 1), _LENGTHS, 20, 5)
# The corpus is stored in S3, fetched and cached again: no scenario of a short run needs more of it.
_SMALL: Final = replace(QUICK, corpus_bytes=4 * MIB + 17)
QUICK_S3: Final = S3Plan(_SMALL, (64 * KIB,), 30, Storm(4, 4, 256 * KIB, MIB, 1), (64 * KIB, MIB), 4, 1)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--quick", is_flag=True, help="A short run of half a minute; its numbers mean little.")
@click.option("--rounds", type=click.IntRange(1, 20), help="How many times everything is measured.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder for the results, instead of the repository.",
)
def main(*, quick: bool, rounds: int | None, output: Path | None) -> None:
    """Compare ways to serve ranges from S3, and write a report."""
    for program in ("wrk", "taskset"):
        if shutil.which(program) is None:
            raise click.ClickException(f"{program} is missing (apt install wrk util-linux)")
    plan = QUICK_S3 if quick else FULL_S3
    folder = output or (Path(tempfile.gettempdir()) / "seekgate-s3-quick" if quick else RESULTS / "s3")
    try:
        run = measure_all(plan, rounds or plan.common.rounds)
    except (WrongResponse, NotStarted, subprocess.SubprocessError, OSError, HTTPException) as error:
        raise click.ClickException(str(error)) from error
    write_results(run, folder)
    if folder == RESULTS / "s3":
        write_block(REPOSITORY / S3_BLOCK.document, S3_BLOCK, performance_text(run, S3_BLOCK))
    click.echo(targets_table(run.verdicts))
    click.echo(f"\n{folder}/results.md", err=True)


def measure_all(plan: S3Plan, rounds: int) -> Run:
    """Every scenario, as many rounds as wanted."""
    machine, cores = describe_machine(), choose_cores()
    with tempfile.TemporaryDirectory(prefix="seekgate-s3-") as name:
        folder = Path(name)
        (folder / "media").mkdir()
        corpus = write_corpus(folder / "media", plan.common.corpus_bytes)
        with running_bucket(folder, corpus) as bucket, s3_installed(folder, corpus, bucket, cores[:1]) as site:
            machine["S3 server"] = bucket.server.name
            found: list[Round] = [as_round(_measure_round(plan, site, corpus, number)) for number in range(rounds)]
    machine["load average after"] = " ".join(f"{load:.2f}" for load in os.getloadavg())
    notes = [f"front servers on core {cores[0]}; the S3 server and the load where the kernel puts them"]
    return Run(machine, found, judge(GOALS, found), notes)


def _measure_round(plan: S3Plan, site: S3Site, corpus: Corpus, number: int) -> Iterator[Row]:
    with running_fronts(site) as targets:
        yield from _run_ranges(plan, corpus, targets, number)
        yield from _run_reads("S3 open-ended reads", plan, corpus, targets, is_open=True)
    with _behind(site) as (counting, counted_site), running_fronts(counted_site) as targets:
        yield from _run_storms(plan, corpus, targets, counting)
    with _behind(site, FAR_DELAY_SECONDS, FAR_BYTES_PER_SECOND) as (_, far_site), running_fronts(far_site) as targets:
        far = [*targets, _plain(far_site.bucket, site.folder)]
        yield from _run_reads("S3 far away", plan, corpus, far, is_open=False)
    with _behind(site) as (counting, counted_site), running_cached(counted_site) as targets:
        yield from _run_cached(plan, corpus, targets, counting, number)


def _run_ranges(plan: S3Plan, corpus: Corpus, targets: list[Target], number: int) -> Iterator[Row]:
    for length in plan.lengths:
        load = Load(corpus.size, length, connections_for(length), seed=number + 1)
        for target in targets:
            click.echo(f"S3 ranges, {length_name(length)}, {target.server}", err=True)
            verify(target, corpus, length, times=plan.common.verified, seed=number)
            values = measure(target, load, warm_seconds=plan.common.warm_seconds, seconds=plan.common.seconds)
            yield Row("S3 ranges", length_name(length), target.server, values)
    for target in targets:
        load = Load(corpus.size, plan.lengths[0], seed=number + 1)
        values = measure_first_byte(target, load, requests=plan.timed_requests)
        yield Row("S3 first byte", length_name(plan.lengths[0]), target.server, values)


def _run_storms(plan: S3Plan, corpus: Corpus, targets: list[Target], counting: ShapingProxy) -> Iterator[Row]:
    for target in targets:
        click.echo(f"S3 seek storm, {target.server}", err=True)
        before = counting.response_bytes
        taken = run_storm(target, corpus, plan.storm)
        _settle(counting)
        values = {"upstream_per_byte": (counting.response_bytes - before) / taken}
        yield Row("S3 seek storm", "256 KiB to 1 MiB", target.server, values)


def _settle(counting: ShapingProxy) -> None:
    """Wait until nothing comes from S3 any more: what was fetched for players that disconnected counts too."""
    deadline = time.monotonic() + _SETTLING_SECONDS
    while not counting.is_settled() and time.monotonic() < deadline:
        time.sleep(0.05)


def _run_reads(scenario: str, plan: S3Plan, corpus: Corpus, targets: list[Target], *, is_open: bool) -> Iterator[Row]:
    for length in plan.read_lengths:
        count = max(min(32 * MIB // length, plan.reads), 1)
        for target in targets:
            click.echo(f"{scenario}, {length_name(length)}, {target.server}", err=True)
            yield Row(
                scenario,
                length_name(length),
                target.server,
                measure_reads(target, corpus, length, count=count, is_open=is_open),
            )


def _run_cached(
    plan: S3Plan, corpus: Corpus, targets: list[Target], counting: ShapingProxy, number: int
) -> Iterator[Row]:
    """The targets are about equally fast, so they are measured in turns, in alternating order; the medians count."""
    common, length = plan.common, 64 * KIB
    load = Load(corpus.size, length, connections_for(length), seed=number + 1)
    found: dict[str, list[dict[str, float]]] = {target.server: [] for target in targets}
    for target in targets:
        verify(target, corpus, length, times=common.verified, seed=number)
    for turn in range(plan.cached_turns):
        for target in targets[::-1] if turn % 2 else targets:
            click.echo(f"S3 cached, {target.server}", err=True)
            before = counting.requests
            values = measure(target, load, warm_seconds=common.warm_seconds, seconds=common.seconds)
            seeks = values["requests_per_second"] * (common.warm_seconds + common.seconds)
            found[target.server].append(values | {"s3_requests_per_seek": (counting.requests - before) / seeks})
    for server, turns in found.items():
        medians = {name: median(values[name] for values in turns) for name in turns[0]}
        yield Row("S3 cached", length_name(length), server, medians)


def _plain(bucket: Bucket, folder: Path) -> Target:
    """S3 itself, without a server in front of it."""
    log = folder / "plain.log"
    log.touch()
    return Target(PLAIN, os.getpid(), bucket.server.port, bucket.presigned_path(), log)


@contextmanager
def _behind(
    site: S3Site, delay_seconds: float = 0.0, bytes_per_second: float | None = None
) -> Iterator[tuple[ShapingProxy, S3Site]]:
    """The same site with S3 behind a proxy."""
    with shaped(site.bucket.server.port, delay_seconds=delay_seconds, bytes_per_second=bytes_per_second) as proxy:
        yield proxy, replace(site, bucket=site.bucket.behind(proxy.port))


if __name__ == "__main__":
    main()
