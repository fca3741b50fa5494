"""Latency at a fixed rate of requests, counted from the moment each request was due.

Requests arrive by the clock, whether or not earlier ones were answered. One that finds no free connection waits, and its
wait counts. A server that stalls is therefore charged for every request that arrived during the stall; leaving those out
is called coordinated omission.
"""

import asyncio
import random
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from time import perf_counter
from typing import Final

import uvloop

from benchmarks.arrivals import Arrivals, Connection
from benchmarks.corpus import WrongResponse
from benchmarks.processes import HOST
from benchmarks.target import Target
from benchmarks.wrk import Load

_DRAIN_SECONDS: Final = 30.0


def measure_open_loop(
    target: Target, load: Load, *, rate: int, seconds: float, clock: Callable[[], float] = perf_counter
) -> dict[str, float]:
    """Latencies (ms) at `rate` requests a second.

    With `time.thread_time` as the `clock`, time in which this client did not run does not count: it spins, so that its
    CPU time goes on like the wall clock unless another process has its core.

    Raises WrongResponse if a response is wrong, or missing 30 s after the last request.
    """
    target.empty_log()
    latencies = sorted(uvloop.run(_run(target, load, int(rate * seconds), rate, clock)))
    target.empty_log()
    return {
        "p50_ms": percentile(latencies, 0.50) * 1e3,
        "p99_ms": percentile(latencies, 0.99) * 1e3,
        "p999_ms": percentile(latencies, 0.999) * 1e3,
        "max_ms": latencies[-1] * 1e3,
    }


def percentile(ordered: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of the sorted values do not exceed (nearest rank)."""
    rank = -int(-share * len(ordered) // 1)
    return ordered[max(rank, 1) - 1]


async def _run(target: Target, load: Load, total: int, rate: int, clock: Callable[[], float]) -> list[float]:
    async with _connected(target, load, total, clock) as arrivals:
        await _arrive(arrivals, rate, total)
        with suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN_SECONDS):
                while not arrivals.over.is_set():  # noqa: ASYNC110 - spins, as `_arrive` does
                    await asyncio.sleep(0)
    if arrivals.trouble or len(arrivals.latencies) != total:
        raise WrongResponse(f"{target.server}: {len(arrivals.latencies)} of {total} answered; {arrivals.trouble}")
    return arrivals.latencies


@asynccontextmanager
async def _connected(target: Target, load: Load, total: int, clock: Callable[[], float]) -> AsyncGenerator[Arrivals]:
    """Open connections to the target; they are aborted at the end of the block, also in the middle of a response."""
    arrivals = Arrivals(prepare_requests(target, load), load.body_bytes, total, clock)
    loop = asyncio.get_running_loop()
    connections = []
    try:
        for _ in range(load.connections):
            _, made = await loop.create_connection(lambda: Connection(arrivals, load), HOST, target.port)
            connections.append(made)
            arrivals.free.append(made)
        yield arrivals
    finally:
        for connection in connections:
            connection.abandon()


async def _arrive(arrivals: Arrivals, rate: int, total: int) -> None:
    """Let every request arrive when it is due.

    This loop spins: an event loop wakes up a millisecond late, which would be charged to the server.
    """
    start = arrivals.clock()
    for number in range(total):
        due = start + number / rate
        while due > arrivals.clock():  # noqa: ASYNC110 - the clock has no event to wait for
            await asyncio.sleep(0)
        if arrivals.trouble:
            return
        arrivals.arrive(due)


def prepare_requests(target: Target, load: Load, count: int = 4096) -> list[bytes]:
    """Heads of requests for seeded random ranges (or for the whole file), ready to be written."""
    chance = random.Random(load.seed)
    fields = "".join(f"{name}: {value}\r\n" for name, value in target.headers.items())
    head = f"GET {target.path} HTTP/1.1\r\nHost: {HOST}:{target.port}\r\n{fields}"
    if not load.length:
        return [f"{head}\r\n".encode()]
    firsts = [chance.randrange(load.size - load.length + 1) for _ in range(count)]
    return [f"{head}Range: bytes={first}-{first + load.length - 1}\r\n\r\n".encode() for first in firsts]
