"""A wrong response stops a benchmark, in every kind of measurement."""

import threading
import time
from itertools import count
from pathlib import Path

import pytest

from benchmarks import wrk
from benchmarks.corpus import Corpus, WrongResponse, verify, write_corpus
from benchmarks.open_loop import measure_open_loop
from benchmarks.player_profiles import Fetch, Profile
from benchmarks.players import measure_players
from benchmarks.slow_readers import measure_slow_readers
from benchmarks.wrk import Load
from storage_adapters import connect
from tests.benchmarks.needs import needs_wrk
from tests.benchmarks.wrong_server import answering
from tests.contracts.storage_helpers import read_whole

SIZE = 300_000
LENGTH = SIZE - 1  # leaves two ranges to choose from


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    return write_corpus(tmp_path, SIZE)


def head(status: str, length: int, first: int = 0, last: int = SIZE - 1) -> bytes:
    stated = f"Content-Range: bytes {first}-{last}/{SIZE}\r\n" if status.startswith("206") else ""
    return f"HTTP/1.1 {status}\r\nContent-Length: {length}\r\n{stated}\r\n".encode()


async def test_the_corpus_is_the_synthetic_object_of_its_size(corpus: Corpus) -> None:
    storage = await connect("synthetic", {})
    assert await read_whole(storage, f"synthetic/0/{SIZE}") == corpus.path.read_bytes()
    await storage.close()
    assert corpus.expected(262_130, 20) == corpus.path.read_bytes()[262_130:262_150]


def test_the_right_bytes_are_accepted(corpus: Corpus, tmp_path: Path) -> None:
    with answering(tmp_path, head("206 Partial Content", SIZE) + corpus.path.read_bytes()) as target:
        verify(target, corpus, SIZE, times=2, seed=1)
    with answering(tmp_path, head("200 OK", SIZE) + corpus.path.read_bytes()) as target:
        verify(target, corpus, 0, times=2, seed=1)


@pytest.mark.parametrize(
    ("status", "flipped", "last"),
    [
        pytest.param("206 Partial Content", SIZE // 2, SIZE - 1, id="one bit is wrong"),
        pytest.param("200 OK", None, SIZE - 1, id="the whole instead of a range"),
        pytest.param("206 Partial Content", None, SIZE - 2, id="another Content-Range"),
    ],
)
def test_a_wrong_response_is_refused(
    corpus: Corpus, tmp_path: Path, status: str, flipped: int | None, last: int
) -> None:
    body = bytearray(corpus.path.read_bytes())
    if flipped is not None:
        body[flipped] ^= 1
    with (
        answering(tmp_path, head(status, SIZE, last=last) + body) as target,
        pytest.raises(WrongResponse, match="wrong: bytes=0-299999 was answered with"),
    ):
        verify(target, corpus, SIZE, times=1, seed=1)


@pytest.mark.parametrize("piece", [pytest.param(1, id="byte by byte"), pytest.param(7, id="in sevens"), 1 << 20])
def test_open_loop_reads_responses_however_they_are_cut(tmp_path: Path, piece: int) -> None:
    load = Load(SIZE, 50, connections=2)
    with answering(tmp_path, head("206 Partial Content", 50) + bytes(50), piece=piece) as target:
        values = measure_open_loop(target, load, rate=100, seconds=0.2)
    assert 0 < values["p50_ms"] <= values["p99_ms"] <= values["p999_ms"] <= values["max_ms"]


def test_open_loop_measures_by_the_clock_that_it_is_given(tmp_path: Path) -> None:
    ticks = count()
    with answering(tmp_path, head("206 Partial Content", 50) + bytes(50)) as target:
        values = measure_open_loop(target, Load(SIZE, 50), rate=1, seconds=20, clock=lambda: float(next(ticks)))
    assert all(value % 1000 == 0 for value in values.values())


def test_a_blocked_server_counts_in_full_by_the_cpu_time_of_the_client(tmp_path: Path) -> None:
    """The server is blocked until the client has run for 20 ms: a client that slept meanwhile would get no response."""
    client = time.pthread_getcpuclockid(threading.get_ident())

    def block() -> None:
        end, deadline = time.clock_gettime(client) + 0.02, time.monotonic() + 40
        while time.clock_gettime(client) < end and time.monotonic() < deadline:
            time.sleep(0.001)

    with answering(tmp_path, head("206 Partial Content", 50) + bytes(50), before=block) as target:
        values = measure_open_loop(target, Load(SIZE, 50), rate=100, seconds=0.05, clock=time.thread_time)
    assert values["p50_ms"] >= 20


@pytest.mark.parametrize(
    "response",
    [
        pytest.param(head("200 OK", 50) + bytes(50), id="another status"),
        pytest.param(head("206 Partial Content", 51) + bytes(51), id="another length"),
        pytest.param(b"HTTP/1.1 206 Partial Content\r\n\r\n", id="no length"),
        pytest.param(b"x" * 20_000, id="no end of the head"),
    ],
)
def test_open_loop_refuses_a_wrong_response(tmp_path: Path, response: bytes) -> None:
    with answering(tmp_path, response) as target, pytest.raises(WrongResponse, match="of 20 answered"):
        measure_open_loop(target, Load(SIZE, 50, connections=2), rate=100, seconds=0.2)


@needs_wrk
@pytest.mark.parametrize(
    "response",
    [
        pytest.param(head("200 OK", 50) + bytes(50), id="another status"),
        pytest.param(head("206 Partial Content", 51) + bytes(51), id="another length"),
        pytest.param(head("404 Not Found", 50) + bytes(50), id="a refusal"),
    ],
)
def test_wrk_refuses_a_wrong_response(tmp_path: Path, response: bytes) -> None:
    with answering(tmp_path, response) as target, pytest.raises(WrongResponse):
        wrk.measure(target, Load(SIZE, 50, connections=2), warm_seconds=0, seconds=1)


def test_a_fast_client_beside_slow_readers_is_held_to_its_bytes(corpus: Corpus, tmp_path: Path) -> None:
    body = bytes(65_536)
    with (
        answering(tmp_path, head("206 Partial Content", len(body)) + body) as target,
        pytest.raises(WrongResponse, match="a seek beside slow readers"),
    ):
        measure_slow_readers(target, corpus, 1, seeks=1)


TAKEN = 1000


def profile_of(*fetches: Fetch, keeps: bool = False) -> Profile:
    return Profile(
        "test", players=2, keeps=keeps, fields={"Accept": "*/*"}, seek=lambda _chance, _size, _number: fetches
    )


@pytest.mark.parametrize("piece", [pytest.param(61, id="in pieces of 61"), 1 << 20])
def test_players_accept_the_right_bytes_however_they_are_cut(corpus: Corpus, tmp_path: Path, piece: int) -> None:
    profile = profile_of(Fetch(0, SIZE - 1, TAKEN, is_open=True, if_range=True))
    response = head("206 Partial Content", SIZE) + corpus.path.read_bytes()
    with answering(tmp_path, response, piece=piece) as target:
        values = measure_players(target, corpus, profile, warm_seconds=0, seconds=0, seed=1)
    assert values["mb_per_second"] > 0
    assert values["first_byte_p50_ms"] > 0


@pytest.mark.parametrize(
    ("status", "length", "last", "flipped"),
    [
        pytest.param("200 OK", SIZE, SIZE - 1, None, id="another status"),
        pytest.param("206 Partial Content", SIZE - 1, SIZE - 1, None, id="another length"),
        pytest.param("206 Partial Content", SIZE, SIZE - 2, None, id="another Content-Range"),
        pytest.param("206 Partial Content", SIZE, SIZE - 1, TAKEN - 1, id="one bit is wrong"),
    ],
)
def test_players_refuse_a_wrong_response(
    corpus: Corpus, tmp_path: Path, status: str, length: int, last: int, flipped: int | None
) -> None:
    body = bytearray(corpus.path.read_bytes())
    if flipped is not None:
        body[flipped] ^= 1
    with (
        answering(tmp_path, head(status, length, last=last) + body) as target,
        pytest.raises(WrongResponse, match="wrong: "),
    ):
        measure_players(target, corpus, profile_of(Fetch(0, SIZE - 1, TAKEN)), warm_seconds=0, seconds=0, seed=1)


def test_players_refuse_a_body_that_ends_early(corpus: Corpus, tmp_path: Path) -> None:
    with (
        answering(tmp_path, head("206 Partial Content", SIZE) + corpus.path.read_bytes()[:500], closes=True) as target,
        pytest.raises(WrongResponse, match="ended 500 bytes early"),
    ):
        measure_players(target, corpus, profile_of(Fetch(0, SIZE - 1, TAKEN)), warm_seconds=0, seconds=0, seed=1)
