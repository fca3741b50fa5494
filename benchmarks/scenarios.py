"""The scenarios of a run: which servers get which load, in which order.

To add a scenario, write a function `(Bench) -> Iterator[Row]` and add it to SCENARIOS. It starts the servers that it needs,
calls `bench.step(words)` before each measurement, verifies responses (WrongResponse), and gives its rows a scenario name
that no other scenario uses.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final

from benchmarks.concurrent_uploads import uploads
from benchmarks.corpus import Corpus, WrongResponse, verify
from benchmarks.downloads import downloads
from benchmarks.goals import AIOHTTP, GATEWAY, NGINX, SIGNED
from benchmarks.open_loop import measure_open_loop
from benchmarks.peers import Site, running_servers
from benchmarks.plan import KIB, Plan, connections_for, length_name
from benchmarks.player_profiles import PROFILES, Profile
from benchmarks.players import measure_players
from benchmarks.rows import Row
from benchmarks.seekgate import Gateway, count_transactions, running_gateway
from benchmarks.slow_readers import measure_slow_readers
from benchmarks.stalls import measure_stalls
from benchmarks.target import Target, ask
from benchmarks.wrk import Load, measure

SEEK_BYTES: Final = 64 * KIB
_DOWNLOADS: Final = 50
_DOWNLOAD_RATE: Final = "2M"
_SEEKS_PER_SECOND: Final = 250
# PostgreSQL's backends publish their statistics after at most this time.
_STATISTICS_LAG_SECONDS: Final = 11


@dataclass(frozen=True, slots=True)
class Bench:
    """What the scenarios of one round need. `step` shows the name of the measurement that begins.

    `servers` has those with one worker; several workers need a `site`.
    """

    plan: Plan
    site: Site
    servers: Callable[[], AbstractContextManager[list[Target]]]
    all_cores: tuple[int, ...]
    corpus: Corpus
    round_number: int
    step: Callable[[str], None]

    def load(self, length: int) -> Load:
        return Load(self.corpus.size, length, connections_for(length), seed=self.round_number + 1)


def run_slow_readers(bench: Bench) -> Iterator[Row]:
    """Memory of freshly started servers with many slow readers."""
    with bench.servers() as targets:
        for target in targets:
            if target.server != SIGNED:  # the same process was measured with a key already
                bench.step(f"{bench.plan.slow_readers} slow readers, {target.server}")
                values = measure_slow_readers(
                    target, bench.corpus, bench.plan.slow_readers, seeks=bench.plan.fast_seeks
                )
                yield Row("slow readers", f"{bench.plan.slow_readers} readers", target.server, values)


def run_players(bench: Bench) -> Iterator[Row]:
    """Browsers and a CDN; each profile alone, and right after that while uploads change other rows.

    Players use the gateway's signed URL, because players and CDNs cannot send a key.
    """
    with bench.servers() as targets:
        players = [target for target in targets if target.server != GATEWAY]
        for profile in PROFILES:
            for target in players:
                yield _play(bench, "players", profile, target)
            with _uploads(bench):
                for target in players:
                    yield _play(bench, "players beside uploads", profile, target)


def _uploads(bench: Bench) -> AbstractContextManager[None]:
    return uploads(bench.site.installation.database_url, bench.site.installation.media_file_id)


def _play(bench: Bench, scenario: str, profile: Profile, target: Target) -> Row:
    bench.step(f"{scenario}, {profile.name}, {target.server}")
    plan = bench.plan
    values = measure_players(
        target,
        bench.corpus,
        profile,
        warm_seconds=plan.warm_seconds,
        seconds=plan.player_seconds,
        seed=bench.round_number,
    )
    return Row(scenario, profile.name, target.server, values)


def run_local(bench: Bench) -> Iterator[Row]:
    """Random ranges of each length from a local file with one worker, 64 KiB also beside uploads; the noise; latency at
    fixed rates, and beside downloads.
    """
    with bench.servers() as targets:
        for length in bench.plan.lengths:
            for target in targets:
                yield _measure(bench, "local", length, target)
            if length == SEEK_BYTES:
                with _uploads(bench):
                    for target in targets:
                        if target.server in {NGINX, GATEWAY}:
                            yield _measure(bench, "beside uploads", length, target)
        yield from _run_noise(bench, targets)
        yield from _run_open_loop(bench, targets)
        yield from _run_beside_downloads(bench, targets)


def _measure(bench: Bench, scenario: str, length: int, target: Target) -> Row:
    name = length_name(length)
    bench.step(f"{scenario}, {name}, {target.server}")
    verify(target, bench.corpus, length, times=_times(bench, length), seed=bench.round_number)
    values = measure(target, bench.load(length), warm_seconds=bench.plan.warm_seconds, seconds=bench.plan.seconds)
    return Row(scenario, name, target.server, values)


def _times(bench: Bench, length: int) -> int:
    """How many ranges are compared byte by byte: fewer if they are large."""
    return bench.plan.verified if length <= 1024 * KIB else 3


def _run_noise(bench: Bench, targets: list[Target]) -> Iterator[Row]:
    """The same measurement twice (A/A): the difference is noise."""
    for target in targets:
        if target.server in {AIOHTTP, GATEWAY}:
            for turn in ("first", "second"):
                yield _measure(bench, f"noise {turn}", SEEK_BYTES, target)


def _run_open_loop(bench: Bench, targets: list[Target]) -> Iterator[Row]:
    for rate in bench.plan.rates:
        for target in targets:
            bench.step(f"{rate} requests/s, {target.server}")
            values = measure_open_loop(target, bench.load(SEEK_BYTES), rate=rate, seconds=bench.plan.open_loop_seconds)
            yield Row("fixed rate", f"64 KiB at {rate}/s", target.server, values)


def _run_beside_downloads(bench: Bench, targets: list[Target]) -> Iterator[Row]:
    """Fairness: the latency of seeks while many clients download the whole file."""
    for target in targets:
        if target.server in {NGINX, GATEWAY}:
            bench.step(f"beside {_DOWNLOADS} downloads, {target.server}")
            with downloads(target, count=_DOWNLOADS, rate=_DOWNLOAD_RATE):
                values = measure_open_loop(
                    target, bench.load(SEEK_BYTES), rate=_SEEKS_PER_SECOND, seconds=bench.plan.open_loop_seconds
                )
            yield Row("beside downloads", f"64 KiB beside {_DOWNLOADS} downloads", target.server, values)


def run_workers(bench: Bench) -> Iterator[Row]:
    """Two workers on both cores, which they share with the load."""
    with running_servers(bench.site.on_cores(bench.all_cores), workers=2) as targets:
        for length in bench.plan.lengths_with_workers:
            for target in targets:
                if target.server != SIGNED:
                    yield _measure(bench, "2 workers", length, target)


def run_gateway_alone(bench: Bench) -> Iterator[Row]:
    """What only the gateway has: the list, SQL statements per seek, and stalls of its event loop."""
    plan = bench.plan
    with running_gateway(bench.site.installation, workers=1, cores=bench.site.cores) as gateway:
        bench.step("a page of the list")
        yield Row("list", "50 recordings", GATEWAY, _measure_list(bench, gateway))
        if plan.counts_sql:
            bench.step("SQL on the path of a repeated seek")
            yield Row("SQL", "repeated seek", GATEWAY, _count_sql(bench, gateway))
        bench.step("stalls while a cold file is read")
        for state, values in measure_stalls(gateway, bench.corpus, passes=plan.seconds, seconds=plan.stall_seconds):
            yield Row("stalls", f"{state} file", GATEWAY, values)


def _measure_list(bench: Bench, gateway: Gateway) -> dict[str, float]:
    target = gateway.at(GATEWAY, "/recordings?limit=50")
    response = ask(target)
    if response.status != 200 or response.body.count(b'"media_files"') != 50:
        raise WrongResponse(f"the list was answered with {response.status} and {response.body[:200]!r}")
    whole = Load(len(response.body), 0)
    return measure(target, whole, warm_seconds=bench.plan.warm_seconds, seconds=bench.plan.seconds)


def _count_sql(bench: Bench, gateway: Gateway) -> dict[str, float]:
    """SQL transactions per seek, after the first seeks; those of the gateway's background tasks are included."""
    target, url = gateway.by_key(), gateway.installation.database_url
    load, seeks = bench.load(SEEK_BYTES), 1000 * bench.plan.seconds
    measure_open_loop(target, load, rate=100, seconds=1)
    time.sleep(_STATISTICS_LAG_SECONDS)
    before = count_transactions(url)
    measure_open_loop(target, load, rate=1000, seconds=bench.plan.seconds)
    time.sleep(_STATISTICS_LAG_SECONDS)
    return {"statements_per_seek": (count_transactions(url) - before) / seeks}


SCENARIOS: Final[Mapping[str, Callable[[Bench], Iterator[Row]]]] = {
    "slow-readers": run_slow_readers,
    "players": run_players,
    "local": run_local,
    "workers": run_workers,
    "alone": run_gateway_alone,
}
