"""Latency at a fixed rate of arrivals, counted from the moment a request was due.

Knows: raw sockets, and just enough of HTTP/1.1 to hold an answer to its status and length.
Refuses to know: which server it is.

Requests arrive when the clock says, whether or not earlier ones were answered; one that finds no free connection
waits, and its wait counts. A server that stalls is so charged for every request that came meanwhile ("coordinated
omission" is leaving them out).
"""

import asyncio
import random
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from time import perf_counter
from typing import Final, cast

import uvloop

from benchmarks.corpus import WrongAnswer
from benchmarks.processes import HOST
from benchmarks.target import Target
from benchmarks.wrk import Load

_BUFFER_BYTES: Final = 256 * 1024
_END_OF_HEAD: Final = b"\r\n\r\n"
_MAX_HEAD_BYTES: Final = 16 * 1024
_DRAIN_SECONDS: Final = 30.0
_ENDLESS: Final = 100_000


def measure_open_loop(
    target: Target, load: Load, *, rate: int, seconds: float, beside: tuple[Target, Load] | None = None
) -> dict[str, float]:
    """Latencies (ms) of `rate` requests a second, while `beside` is asked without a pause.

    Raises WrongAnswer, also if 30 s later not all are answered.
    """
    target.empty_log()
    latencies = sorted(uvloop.run(_run(target, load, int(rate * seconds), rate, beside)))
    target.empty_log()
    return {
        "p50_ms": percentile(latencies, 0.50) * 1e3,
        "p99_ms": percentile(latencies, 0.99) * 1e3,
        "p999_ms": percentile(latencies, 0.999) * 1e3,
        "max_ms": latencies[-1] * 1e3,
    }


def percentile(ordered: Sequence[float], share: float) -> float:
    """The least value that at least this share of the ordered values do not exceed (nearest rank)."""
    rank = -int(-share * len(ordered) // 1)
    return ordered[max(rank, 1) - 1]


@dataclass(slots=True)
class Arrivals:
    """Requests that wait, connections that are free, latencies so far (s).

    `over` is set when `total` requests were answered, with bodies of `expected` bytes, or there is trouble.
    """

    requests: Sequence[bytes]
    expected: int
    total: int
    over: asyncio.Event = field(default_factory=asyncio.Event)
    latencies: list[float] = field(default_factory=list)
    waiting: deque[float] = field(default_factory=deque)
    free: list["Connection"] = field(default_factory=list)
    trouble: str = ""
    sent: int = 0

    def arrive(self, due: float) -> None:
        """A request that was due then."""
        self.waiting.append(due)
        if self.free:
            self.send_next(self.free.pop())

    def send_next(self, connection: "Connection") -> None:
        """Let the connection take the oldest request that waits, or be free."""
        if not self.waiting:
            self.free.append(connection)
            return
        connection.send(self.requests[self.sent % len(self.requests)], self.waiting.popleft())
        self.sent += 1

    def finish(self, seconds: float) -> None:
        """A request was answered, so long after it was due."""
        self.latencies.append(seconds)
        if len(self.latencies) == self.total:
            self.over.set()

    def fail(self, trouble: str) -> None:
        """The measurement is worth nothing."""
        self.trouble = self.trouble or trouble
        self.over.set()


class Connection(asyncio.BufferedProtocol):
    """One connection: one request at a time, its answer counted and thrown away."""

    def __init__(self, arrivals: Arrivals, load: Load) -> None:
        self._arrivals = arrivals
        self._status = b"HTTP/1.1 %d " % load.status
        self._buffer = memoryview(bytearray(_BUFFER_BYTES))
        self._head = b""
        self._left = -1  # bytes of the body to come; -1 while the head is
        self._due = 0.0
        self._abandoned = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)

    def send(self, request: bytes, due: float) -> None:
        self._due = due
        self._transport.write(request)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - the protocol's parameter
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        if self._left < 0:
            nbytes = self._read_head(bytes(self._buffer[:nbytes]))
        self._left -= nbytes if self._left > 0 else 0
        if self._left == 0:
            self._finish()

    def _read_head(self, received: bytes) -> int:
        """Take the head; how many bytes of the body came with it."""
        self._head += received
        head, end, body = self._head.partition(_END_OF_HEAD)
        if not end:
            if len(self._head) > _MAX_HEAD_BYTES:
                self._fail("a head without end")
            return 0
        self._head = b""
        self._left = content_length(head)
        if not head.startswith(self._status) or self._left != self._arrivals.expected:
            self._fail(head.decode("latin-1"))
        return len(body)

    def _finish(self) -> None:
        self._left = -1
        self._arrivals.finish(perf_counter() - self._due)
        self._arrivals.send_next(self)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._abandoned:
            self._fail(f"the connection was closed: {exc}")

    def _fail(self, trouble: str) -> None:
        self._arrivals.fail(trouble)
        self._transport.abort()

    def abandon(self) -> None:
        """Cut the connection; nothing that happens to it afterwards is trouble."""
        self._abandoned = True
        self._transport.abort()


def content_length(head: bytes) -> int:
    """What the head promises (bytes), -1 if it does not say."""
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return -1


async def _run(target: Target, load: Load, total: int, rate: int, beside: tuple[Target, Load] | None) -> list[float]:
    async with AsyncExitStack() as stack:
        arrivals = await stack.enter_async_context(_connected(target, load, total))
        if beside:
            background = await stack.enter_async_context(_connected(*beside, _ENDLESS))
            for _ in range(_ENDLESS):
                background.arrive(perf_counter())
        await _arrive(arrivals, rate, total)
        with suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN_SECONDS):
                await arrivals.over.wait()
        trouble = arrivals.trouble or (background.trouble if beside else "")
    if trouble or len(arrivals.latencies) != total:
        raise WrongAnswer(f"{target.server}: {len(arrivals.latencies)} of {total} answered; {trouble}")
    return arrivals.latencies


@asynccontextmanager
async def _connected(target: Target, load: Load, total: int) -> AsyncGenerator[Arrivals]:
    """Free connections to the target, cut at the end whatever they are doing."""
    arrivals = Arrivals(prepare_requests(target, load), load.body_bytes, total)
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

    It spins: event loops wake up a millisecond late, which would be charged to the server.
    """
    start = perf_counter()
    for number in range(total):
        due = start + number / rate
        while due > perf_counter():  # noqa: ASYNC110 - what is awaited is the clock
            await asyncio.sleep(0)
        if arrivals.trouble:
            return
        arrivals.arrive(due)


def prepare_requests(target: Target, load: Load, count: int = 4096) -> list[bytes]:
    """Seeded random ranges (or the whole), ready to be written."""
    chance = random.Random(load.seed)
    fields = "".join(f"{name}: {value}\r\n" for name, value in target.headers.items())
    head = f"GET {target.path} HTTP/1.1\r\nHost: {HOST}:{target.port}\r\n{fields}"
    if not load.length:
        return [f"{head}\r\n".encode()]
    firsts = [chance.randrange(load.size - load.length + 1) for _ in range(count)]
    return [f"{head}Range: bytes={first}-{first + load.length - 1}\r\n\r\n".encode() for first in firsts]
