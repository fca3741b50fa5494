"""The cost of many slow readers: memory for each, and the latency of a fast client at the same time.

A slow reader has a small receive buffer and reads one KiB at a time. Socket buffers are kernel memory and are not
counted: they are the same for every server.
"""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from benchmarks.corpus import Corpus, WrongResponse
from benchmarks.cpu import memory_bytes, process_tree
from benchmarks.open_loop import percentile
from benchmarks.processes import HOST
from benchmarks.target import TIMEOUT_SECONDS, Target, ask

_SIP_BYTES = 1024
_SIPS = 3
_SEEK_BYTES = 65_536


def measure_slow_readers(target: Target, corpus: Corpus, count: int, *, seeks: int) -> dict[str, float]:
    """Memory per reader (KiB) above the idle process, and a fast client's median of `seeks` (ms) before and beside the readers."""
    alone = _fast_seek_seconds(target, corpus, seeks)
    pids = process_tree(target.pid)
    idle = memory_bytes(pids)
    with _readers(target, count) as readers:
        for _ in range(_SIPS):
            _sip(target, readers)
        busy = memory_bytes(pids)
        beside = _fast_seek_seconds(target, corpus, seeks)
    return {
        "kib_per_connection": (busy - idle) / 1024 / count,
        "idle_mib": idle / 2**20,
        "alone_p50_ms": alone * 1e3,
        "beside_p50_ms": beside * 1e3,
    }


@contextmanager
def _readers(target: Target, count: int) -> Iterator[list[socket.socket]]:
    """`count` connections, each of which has requested the whole file."""
    fields = "".join(f"{name}: {value}\r\n" for name, value in target.headers.items())
    request = f"GET {target.path} HTTP/1.1\r\nHost: {HOST}:{target.port}\r\n{fields}\r\n".encode()
    with ExitStack() as stack:
        readers = [stack.enter_context(_connect(target.port)) for _ in range(count)]
        for reader in readers:
            reader.sendall(request)
        yield readers


def _connect(port: int) -> socket.socket:
    reader = socket.socket()
    reader.settimeout(TIMEOUT_SECONDS)
    reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    reader.connect((HOST, port))
    return reader


def _sip(target: Target, readers: list[socket.socket]) -> None:
    for number, reader in enumerate(readers):
        if not reader.recv(_SIP_BYTES):
            raise WrongResponse(f"{target.server}: the connection of slow reader {number} was closed")


def _fast_seek_seconds(target: Target, corpus: Corpus, seeks: int) -> float:
    """The median of that many seeks (s); every byte is compared."""
    found = sorted(_time_seek(target, corpus, number * 7919 % (corpus.size - _SEEK_BYTES)) for number in range(seeks))
    return percentile(found, 0.5)


def _time_seek(target: Target, corpus: Corpus, first: int) -> float:
    start = time.perf_counter()
    response = ask(target, headers={"Range": f"bytes={first}-{first + _SEEK_BYTES - 1}"})
    elapsed = time.perf_counter() - start
    if response.status != 206 or response.body != corpus.expected(first, _SEEK_BYTES):
        raise WrongResponse(
            f"{target.server}: a seek beside slow readers was answered with {response.status} or with wrong bytes"
        )
    return elapsed
