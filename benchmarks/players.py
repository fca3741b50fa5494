"""Players that load a server as their profile says, and the measurement of what a seek costs the server.

Every byte that a player reads is compared with the corpus. The players run in threads of this process: only the server's
CPU time is measured, so the speed of the players matters little.
"""

import random
import socket
import struct
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from benchmarks.corpus import Corpus, WrongResponse
from benchmarks.cpu import CpuMeter
from benchmarks.open_loop import percentile
from benchmarks.plan import KIB
from benchmarks.player_profiles import Fetch, Profile
from benchmarks.processes import HOST
from benchmarks.target import TIMEOUT_SECONDS, Target, ask

_BLOCK_BYTES: Final = 256 * KIB
_MAX_HEAD_BYTES: Final = 16 * KIB
_END_OF_HEAD: Final = b"\r\n\r\n"
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)


@dataclass(slots=True)
class Tally:
    """The seeks of players, the bytes of bodies that they read, and the seconds to the first byte of each seek's last body."""

    seeks: int = 0
    taken: int = 0
    first_bytes: list[float] = field(default_factory=list)


def measure_players(
    target: Target, corpus: Corpus, profile: Profile, *, warm_seconds: int, seconds: int, seed: int
) -> dict[str, float]:
    """The values of a row: the server's CPU time for each seek, and how fast the players were served.

    Raises WrongResponse if a status, a header or a byte is wrong.
    """
    tag = ask(target, method="HEAD").headers.get("etag", "")
    if warm_seconds:
        _play_all(target, corpus, profile, tag, warm_seconds, seed=-seed - 1)
    target.empty_log()
    server = CpuMeter(target.pid)
    database = CpuMeter(target.database_pid) if target.database_pid else None
    start = time.perf_counter()
    tally = _play_all(target, corpus, profile, tag, seconds, seed=seed)
    elapsed = time.perf_counter() - start
    values = _values(tally, elapsed, server.nanoseconds())
    if database:
        values["database_us"] = database.nanoseconds() / 1e3 / tally.seeks
    target.empty_log()
    return values


def _values(tally: Tally, elapsed: float, nanoseconds: int) -> dict[str, float]:
    waits = sorted(tally.first_bytes)
    return {
        "seek_cpu_us": nanoseconds / 1e3 / tally.seeks,
        "cpu_ns_per_kib": nanoseconds / tally.taken * 1024,
        "seeks_per_second": tally.seeks / elapsed,
        "mb_per_second": tally.taken / elapsed / 1e6,
        "first_byte_p50_ms": percentile(waits, 0.50) * 1e3,
        "first_byte_p99_ms": percentile(waits, 0.99) * 1e3,
    }


def _play_all(target: Target, corpus: Corpus, profile: Profile, tag: str, seconds: int, *, seed: int) -> Tally:
    """Run all players of the profile at the same time; each stops after its first seek that ends later than `seconds`."""
    deadline = time.monotonic() + seconds
    players = [_Player(target, corpus, profile, tag, random.Random(seed * 1000 + n)) for n in range(profile.players)]
    with ThreadPoolExecutor(len(players)) as threads:
        tallies = list(threads.map(lambda player: player.play_until(deadline), players))
    return Tally(
        sum(tally.seeks for tally in tallies),
        sum(tally.taken for tally in tallies),
        [wait for tally in tallies for wait in tally.first_bytes],
    )


class _Player:
    """One player, which uses one connection at a time."""

    def __init__(self, target: Target, corpus: Corpus, profile: Profile, tag: str, chance: random.Random) -> None:
        self._target = target
        self._corpus = corpus
        self._profile = profile
        self._tag = tag
        self._chance = chance
        self._socket: socket.socket | None = None
        fields = "".join(f"{name}: {value}\r\n" for name, value in {**target.headers, **profile.fields}.items())
        self._head = f"GET {target.path} HTTP/1.1\r\nHost: {HOST}:{target.port}\r\n{fields}"

    def play_until(self, deadline: float) -> Tally:
        """Seek once, and again until the deadline has passed."""
        tally = Tally()
        try:
            while not tally.seeks or time.monotonic() < deadline:
                self._seek(tally)
        finally:
            self._disconnect()
        return tally

    def _seek(self, tally: Tally) -> None:
        start = time.perf_counter()
        fetches = self._profile.seek(self._chance, self._corpus.size, tally.seeks)
        for fetch in fetches:
            first_byte = self._fetch(fetch)
            tally.taken += fetch.taken
        tally.first_bytes.append(first_byte - start)
        tally.seeks += 1
        if not self._profile.keeps or fetches[-1].taken < fetches[-1].length:
            self._disconnect()

    def _fetch(self, fetch: Fetch) -> float:
        """Send the request and read `taken` bytes of the body; return the time at which its first byte arrived."""
        connection = self._connected()
        asked = f"bytes={fetch.first}-{'' if fetch.is_open else fetch.last}"
        condition = f"If-Range: {self._tag}\r\n" if fetch.if_range else ""
        connection.sendall(f"{self._head}Range: {asked}\r\n{condition}\r\n".encode())
        blocks = self._blocks(connection, fetch)
        place = fetch.first
        first_byte = 0.0
        for block in blocks:
            first_byte = first_byte or time.perf_counter()
            if block != self._corpus.expected(place, len(block)):
                raise WrongResponse(
                    f"{self._target.server}: {asked} was answered with wrong bytes from offset {place} on"
                )
            place += len(block)
        return first_byte

    def _blocks(self, connection: socket.socket, fetch: Fetch) -> Iterator[bytes]:
        """The first `taken` bytes of the body, block by block."""
        block = self._read_head(connection, fetch)
        left = fetch.taken
        while True:
            if block:
                yield block[:left]
                left -= len(block)
            if left <= 0:
                return
            block = connection.recv(min(_BLOCK_BYTES, left))
            if not block:
                raise WrongResponse(f"{self._target.server}: a body ended {left} bytes early")

    def _read_head(self, connection: socket.socket, fetch: Fetch) -> bytes:
        """Read and check the head; return the bytes of the body that arrived with it."""
        received = b""
        while _END_OF_HEAD not in received:
            block = connection.recv(_MAX_HEAD_BYTES)
            received += block
            if not block or len(received) > 2 * _MAX_HEAD_BYTES:
                raise WrongResponse(
                    f"{self._target.server}: an incomplete or too long response head: {received[:200]!r}"
                )
        head, _, body = received.partition(_END_OF_HEAD)
        lines = head.lower().split(b"\r\n")
        expected = f"content-range: bytes {fetch.first}-{fetch.last}/{self._corpus.size}".encode()
        promised = f"content-length: {fetch.length}".encode()
        if not lines[0].startswith(b"http/1.1 206 ") or expected not in lines or promised not in lines:
            raise WrongResponse(f"{self._target.server}: {head!r} for {fetch}")
        return body

    def _connected(self) -> socket.socket:
        if self._socket is None:
            self._socket = socket.create_connection((HOST, self._target.port), timeout=TIMEOUT_SECONDS)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        return self._socket

    def _disconnect(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
