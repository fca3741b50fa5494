"""Real players as load: the request heads, ranges, connections and abandonment of browsers and of a CDN.

Every byte that a player reads is compared with the corpus. docs/browsers.md records what real browsers send. The players
run in this process, in threads: only the server's CPU time is measured, so the speed of the players matters little.
"""

import random
import socket
import struct
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from benchmarks.corpus import Corpus, WrongAnswer
from benchmarks.cpu import CpuMeter
from benchmarks.open_loop import percentile
from benchmarks.plan import KIB, MIB
from benchmarks.processes import HOST
from benchmarks.target import TIMEOUT_SECONDS, Target, ask

_BLOCK_BYTES: Final = 256 * KIB
_MAX_HEAD_BYTES: Final = 16 * KIB
_END_OF_HEAD: Final = b"\r\n\r\n"
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Fetch:
    """A request for `bytes=first-last`, or for `bytes=first-` if `is_open`, of which the player reads `taken` bytes."""

    first: int
    last: int
    taken: int
    is_open: bool = False
    if_range: bool = False

    @property
    def length(self) -> int:
        return self.last - self.first + 1


@dataclass(frozen=True, slots=True)
class Profile:
    """One kind of player. `seek` gives the requests of its n-th seek in an object of that size.

    A connection is kept for the next seek if `keeps` is set and the player has read the whole response; otherwise it is
    reset, as browsers do.
    """

    name: str
    players: int
    keeps: bool
    fields: Mapping[str, str]
    seek: Callable[[random.Random, int, int], Sequence[Fetch]]


def _chromium(chance: random.Random, size: int, number: int) -> Sequence[Fetch]:
    """It fills the holes of its cache; every fourth seek is open-ended and left early."""
    if number % 4 == 3:
        first = chance.randrange(size - 256 * KIB)
        return [Fetch(first, size - 1, 256 * KIB, is_open=True, if_range=True)]
    length = chance.randrange(400 * KIB, 2 * MIB)
    first = chance.randrange(size - length)
    return [Fetch(first, first + length - 1, length, if_range=True)]


def _firefox(chance: random.Random, size: int, _number: int) -> Sequence[Fetch]:
    return [Fetch(chance.randrange(size - 256 * KIB), size - 1, 256 * KIB, is_open=True)]


def _safari(chance: random.Random, size: int, _number: int) -> Sequence[Fetch]:
    """It probes for ranges first, and names the last byte."""
    first = chance.randrange(size - 512 * KIB)
    return [Fetch(0, 1, 2), Fetch(first, size - 1, 512 * KIB, if_range=True)]


def _cdn(chance: random.Random, size: int, _number: int) -> Sequence[Fetch]:
    """Aligned slices, as nginx's `slice` asks for."""
    first = chance.randrange(size // (8 * MIB)) * 8 * MIB
    return [Fetch(first, first + 8 * MIB - 1, 8 * MIB)]


_PAGE: Final = "https://player.example.org/"

PROFILES: Final = (
    Profile(
        "Chromium",
        players=8,
        keeps=True,
        fields={
            "Connection": "keep-alive",
            "sec-ch-ua-platform": '"Linux"',
            "Accept-Encoding": "identity;q=1, *;q=0",
            "User-Agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36",
            "Accept": "*/*",
            "Sec-Fetch-Site": "cross-site",
            "Sec-Fetch-Mode": "no-cors",
            "Sec-Fetch-Dest": "audio",
            "Referer": _PAGE,
            "Accept-Language": "en-GB,en;q=0.9",
        },
        seek=_chromium,
    ),
    Profile(
        "Firefox",
        players=8,
        keeps=False,
        fields={
            "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:153.0) Gecko/20100101 Firefox/153.0",
            "Accept": "audio/webm,audio/ogg,audio/wav,audio/*;q=0.9,application/ogg;q=0.7,video/*;q=0.6,*/*;q=0.5",
            "Accept-Language": "en-GB,en;q=0.5",
            "Accept-Encoding": "identity",
            "Referer": _PAGE,
            "Connection": "keep-alive",
            "Sec-Fetch-Dest": "audio",
            "Sec-Fetch-Mode": "no-cors",
            "Sec-Fetch-Site": "cross-site",
            "Priority": "u=4",
        },
        seek=_firefox,
    ),
    Profile(
        "Safari",
        players=8,
        keeps=False,
        fields={
            "X-Playback-Session-Id": "6E2B2F0C-9A4B-4E29-8C55-0D5F6E7A1B3C",
            "Accept": "*/*",
            "Accept-Language": "en-GB,en;q=0.9",
            "Accept-Encoding": "identity",
            "User-Agent": "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15",
            "Sec-Fetch-Dest": "audio",
            "icy-metadata": "1",
            "Connection": "Keep-Alive",
        },
        seek=_safari,
    ),
    Profile("CDN, 8 MiB slices", players=4, keeps=True, fields={"Connection": "keep-alive"}, seek=_cdn),
)


@dataclass(slots=True)
class Tally:
    """What players have done: seeks, bytes of bodies that they read, and seconds to the first byte of a seek's last body."""

    seeks: int = 0
    taken: int = 0
    first_bytes: list[float] = field(default_factory=list)


def measure_players(
    target: Target, corpus: Corpus, profile: Profile, *, warm_seconds: int, seconds: int, seed: int
) -> dict[str, float]:
    """The values of a row: CPU time of the server for each seek, and how fast the players were served.

    Raises WrongAnswer if a status, a header or a byte is not what was asked for.
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
    """All players of the profile at the same time; each stops with its first seek that ends after `seconds`."""
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
    """One player on one connection at a time."""

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
        """Seek at least once, and until then."""
        tally = Tally()
        try:
            while not tally.seeks or time.monotonic() < deadline:
                self._seek(tally)
        finally:
            self._leave()
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
            self._leave()

    def _fetch(self, fetch: Fetch) -> float:
        """Send the request and read what the player wants of it; the time when the first byte of the body came."""
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
                raise WrongAnswer(f"{self._target.server}: {asked} got other bytes from {place} on")
            place += len(block)
        return first_byte

    def _blocks(self, connection: socket.socket, fetch: Fetch) -> Iterator[bytes]:
        """The body, block by block, up to the last byte that is taken."""
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
                raise WrongAnswer(f"{self._target.server}: a body ended {left} bytes early")

    def _read_head(self, connection: socket.socket, fetch: Fetch) -> bytes:
        """Read and check the head; the bytes of the body that came with it."""
        received = b""
        while _END_OF_HEAD not in received:
            block = connection.recv(_MAX_HEAD_BYTES)
            received += block
            if not block or len(received) > 2 * _MAX_HEAD_BYTES:
                raise WrongAnswer(f"{self._target.server}: a head that does not end: {received[:200]!r}")
        head, _, body = received.partition(_END_OF_HEAD)
        lines = head.lower().split(b"\r\n")
        expected = f"content-range: bytes {fetch.first}-{fetch.last}/{self._corpus.size}".encode()
        promised = f"content-length: {fetch.length}".encode()
        if not lines[0].startswith(b"http/1.1 206 ") or expected not in lines or promised not in lines:
            raise WrongAnswer(f"{self._target.server}: {head!r} for {fetch}")
        return body

    def _connected(self) -> socket.socket:
        if self._socket is None:
            self._socket = socket.create_connection((HOST, self._target.port), timeout=TIMEOUT_SECONDS)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        return self._socket

    def _leave(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
