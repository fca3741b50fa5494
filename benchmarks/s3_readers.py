"""Readers of a front server: when the first byte comes, what a seek-and-leave storm costs, how fast one read is."""

import asyncio
import os
import random
import socket
import struct
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection
from statistics import median
from time import perf_counter
from typing import Final

from benchmarks.arrivals import content_length
from benchmarks.corpus import Corpus, WrongResponse
from benchmarks.cpu import CpuMeter
from benchmarks.open_loop import percentile, prepare_requests
from benchmarks.processes import HOST
from benchmarks.target import TIMEOUT_SECONDS, Target
from benchmarks.wrk import Load

_END_OF_HEAD: Final = b"\r\n\r\n"
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)
# Of a network: loopback's segments of 64 KiB make the kernel buffer megabytes for a client that has left.
_SEGMENT_BYTES: Final = 1400
_RECEIVE_BYTES: Final = 128 * 1024


def measure_first_byte(target: Target, load: Load, *, requests: int) -> dict[str, float]:
    """Milliseconds from a request to the first byte of the body, asked one after the other over one connection."""
    seconds = sorted(asyncio.run(_time_requests(target, prepare_requests(target, load)[:requests], load)))
    target.empty_log()
    return {
        "first_byte_p50_ms": percentile(seconds, 0.50) * 1e3,
        "first_byte_p99_ms": percentile(seconds, 0.99) * 1e3,
    }


async def _time_requests(target: Target, requests: Sequence[bytes], load: Load) -> list[float]:
    reader, writer = await asyncio.open_connection(HOST, target.port)
    found = []
    try:
        for request in requests:
            start = perf_counter()
            writer.write(request)
            head = await reader.readuntil(_END_OF_HEAD)
            await reader.readexactly(1)
            found.append(perf_counter() - start)
            if content_length(head) != load.body_bytes:
                raise WrongResponse(f"{target.server}: {head!r}")
            await reader.readexactly(load.body_bytes - 1)
    finally:
        writer.close()
    return found


@dataclass(frozen=True, slots=True)
class Storm:
    """Players that seek: each asks for `bytes=N-`, takes between `least` and `most` bytes of it, and leaves."""

    players: int
    seeks: int
    least: int
    most: int
    seed: int


def run_storm(target: Target, corpus: Corpus, storm: Storm) -> int:
    """How many bytes of bodies the players took, heads included where they came along."""
    taken = asyncio.run(_run_storm(target, corpus, storm))
    target.empty_log()
    return taken


async def _run_storm(target: Target, corpus: Corpus, storm: Storm) -> int:
    players = (_play(target, corpus, storm, random.Random(storm.seed + number)) for number in range(storm.players))
    return sum(await asyncio.gather(*players))


async def _play(target: Target, corpus: Corpus, storm: Storm, chance: random.Random) -> int:
    taken = 0
    for _ in range(storm.seeks):
        wanted = chance.randint(storm.least, storm.most)
        taken += await _seek(target, chance.randrange(corpus.size - wanted), wanted)
    return taken


async def _seek(target: Target, first: int, wanted: int) -> int:
    """One seek on a connection of its own, left with RST as a player that seeks again leaves it."""
    loop, taken = asyncio.get_running_loop(), 0
    fields = "".join(f"{name}: {value}\r\n" for name, value in target.headers.items())
    request = f"GET {target.path} HTTP/1.1\r\nHost: {HOST}:{target.port}\r\n{fields}Range: bytes={first}-\r\n\r\n"
    with socket.socket() as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, _SEGMENT_BYTES)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BYTES)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        client.settimeout(0)
        await loop.sock_connect(client, (HOST, target.port))
        await loop.sock_sendall(client, request.encode())
        while taken < wanted:
            block = await loop.sock_recv(client, 64 * 1024)
            if not block or (not taken and not block.startswith(b"HTTP/1.1 206 ")):
                raise WrongResponse(f"{target.server}: {block[:200]!r} after {taken} bytes")
            taken += len(block)
    return taken


def measure_reads(target: Target, corpus: Corpus, length: int, *, count: int, is_open: bool) -> dict[str, float]:
    """How long a client waits for `length` bytes, one read after another over one connection; the server's CPU time too.

    The ranges are random, or `bytes=N-` for the last bytes of the object if `is_open`. Raises WrongResponse.
    """
    chance, seconds = random.Random(length), []
    connection = HTTPConnection(HOST, target.port, timeout=TIMEOUT_SECONDS)
    with closing(connection):
        _read(
            connection, target, "bytes=0-1", corpus.expected(0, 2)
        )  # the first one looks up the key and the recording
        server = CpuMeter(target.pid)
        for _ in range(count):
            first = corpus.size - length if is_open else chance.randrange(corpus.size - length + 1)
            asked = f"bytes={first}-{'' if is_open else first + length - 1}"
            seconds.append(_read(connection, target, asked, corpus.expected(first, length)))
        nanoseconds = server.nanoseconds()
    target.empty_log()
    times = {"mb_per_second": length * count / sum(seconds) / 1e6, "p50_ms": median(seconds) * 1e3}
    return times if target.pid == os.getpid() else {"cpu_us": nanoseconds / 1e3 / count, **times}


def _read(connection: HTTPConnection, target: Target, asked: str, expected: bytes) -> float:
    """Request the range `asked`, compare its bytes, and return the seconds that it took."""
    start = perf_counter()
    connection.request("GET", target.path, headers={**target.headers, "Range": asked})
    response = connection.getresponse()
    body = response.read()
    elapsed = perf_counter() - start
    if response.status != 206 or body != expected:
        raise WrongResponse(f"{target.server}: {asked} was answered with {response.status} and {len(body)} bytes")
    return elapsed
