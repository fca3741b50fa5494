"""What a read requests ahead of its reader: in order, bounded, and all released when the reader stops."""

import asyncio
import math
from collections.abc import AsyncGenerator
from contextlib import aclosing, asynccontextmanager

import pytest

from storage_adapters.base import StoredObject
from storage_adapters.s3 import S3Storage, ranged_gets, read_ahead
from tests.contracts.storage_helpers import read_span
from tests.s3.broken import CONTENT, PATIENCE_SECONDS, SIZE, WINDOW, breakable_storage, until
from tests.s3.faults import PASS, Fault, FaultProxy, answer, cut
from tests.s3.processes import S3Server

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest.fixture(autouse=True)
def near(monkeypatch: pytest.MonkeyPatch) -> None:
    """S3 is near, however busy the machine is."""
    monkeypatch.setattr(ranged_gets, "FAR_SECONDS", math.inf)


@asynccontextmanager
async def waiting_reader(storage: S3Storage, stored: StoredObject, taken: int) -> AsyncGenerator[None, None]:
    """A reader that took this many bytes of a body that then stalls, and waits for more; cancelled at the end."""
    async with asyncio.timeout(PATIENCE_SECONDS), aclosing(stored.read(0, SIZE)) as chunks:
        while taken > 0:
            taken -= len(await anext(chunks))
        more = asyncio.create_task(anext(chunks))
        yield
        more.cancel()
        with pytest.raises(asyncio.CancelledError):
            await more
    assert storage.connections.free == storage.connections.total
    assert storage.memory.free == storage.memory.total


async def test_in_the_first_half_of_a_window_the_next_is_not_requested(s3_server: S3Server, proxy: FaultProxy) -> None:
    async with (
        breakable_storage(s3_server, proxy, window_initial_bytes=4 * WINDOW, read_timeout_seconds=60) as storage,
        storage.open("key") as stored,
    ):
        proxy.break_next(cut(WINDOW, "stall"))
        async with waiting_reader(storage, stored, WINDOW):
            await read_span(stored, 0, 10)
            assert proxy.ranges == [f"bytes=0-{4 * WINDOW - 1}", "bytes=0-9"]


@pytest.mark.parametrize("second", [cut(100, "stall"), cut(-1, "stall")], ids=["in_its_body", "before_its_head"])
async def test_in_the_second_half_of_a_window_the_next_is_requested_and_stopping_returns_both(
    s3_server: S3Server, proxy: FaultProxy, second: Fault
) -> None:
    async with (
        breakable_storage(s3_server, proxy, window_initial_bytes=4 * WINDOW, read_timeout_seconds=60) as storage,
        storage.open("key") as stored,
    ):
        proxy.break_next(cut(3 * WINDOW, "stall"), second)
        async with waiting_reader(storage, stored, 3 * WINDOW):
            await until(lambda: len(proxy.ranges) == 2)
            assert proxy.ranges[1].startswith(f"bytes={4 * WINDOW}-")
            assert storage.connections.free == storage.connections.total - 2


async def test_windows_are_adjacent(storage: S3Storage, proxy: FaultProxy) -> None:
    async with storage.open("key") as stored:
        proxy.break_next()
        assert await read_span(stored, 5, SIZE - 5) == CONTENT[5:]
    spans = sorted((int(first), int(last) + 1) for first, last in (asked[6:].split("-") for asked in proxy.ranges))
    assert spans[0] == (5, 5 + WINDOW)
    assert [start for start, _ in spans[1:]] == [end for _, end in spans[:-1]]
    assert spans[-1][1] == SIZE


async def test_far_from_s3_several_requests_run_in_parallel_but_no_more_than_the_limit(
    s3_server: S3Server, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranged_gets, "FAR_SECONDS", 0)
    async with (
        breakable_storage(s3_server, proxy, max_connections=32, read_timeout_seconds=60) as storage,
        storage.open("key") as stored,
    ):
        proxy.break_next(*[PASS] * 16, *[cut(0, "stall")] * 32)
        reader = asyncio.create_task(read_span(stored, 0, SIZE))
        await until(lambda: len(proxy.ranges) >= 16 and held(storage) == 4 * WINDOW)
        await until(lambda: storage.connections.total - storage.connections.free >= 2)
        reader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reader
        assert held(storage) == 0
        assert storage.connections.free == storage.connections.total


def held(storage: S3Storage) -> int:
    """Bytes of memory in use."""
    return storage.memory.total - storage.memory.free


async def test_windows_that_break_while_others_run_are_resumed_and_delivered_in_order(
    s3_server: S3Server, proxy: FaultProxy
) -> None:
    broken = [cut(1000, "reset"), PASS, answer(503, "SlowDown"), cut(-1, "close"), PASS, cut(WINDOW - 1, "close")] * 3
    # They fall to whichever window asks next: by bad luck all to the same.
    patient = {"max_connections": 32, "retries": len(broken)}
    async with breakable_storage(s3_server, proxy, **patient) as storage, storage.open("key") as stored:
        proxy.break_next(*[PASS] * 6, *broken)
        assert await read_span(stored, 0, SIZE) == CONTENT


async def test_a_single_connection_is_enough(s3_server: S3Server, proxy: FaultProxy) -> None:
    async with (
        breakable_storage(s3_server, proxy, max_connections=1, pool_timeout_seconds=20) as storage,
        storage.open("key") as stored,
    ):
        proxy.break_next(*[PASS] * 3, cut(1000, "close"))
        assert await read_span(stored, 0, SIZE) == CONTENT


async def test_nothing_is_requested_ahead_while_connections_are_scarce(s3_server: S3Server, proxy: FaultProxy) -> None:
    async with (
        breakable_storage(s3_server, proxy, max_connections=2, read_timeout_seconds=60) as storage,
        storage.open("key") as stored,
    ):
        proxy.break_next(cut(WINDOW - 100, "stall"))
        async with waiting_reader(storage, stored, WINDOW - 100):
            await read_span(stored, 0, 10)
            assert proxy.ranges == [f"bytes=0-{WINDOW - 1}", "bytes=0-9"]


async def test_requests_for_a_client_that_may_seek_away_follow_one_another(
    s3_server: S3Server, proxy: FaultProxy
) -> None:
    window = 8 * WINDOW
    sizes = {"window_initial_bytes": window, "window_max_bytes": 4 * window}
    async with (
        breakable_storage(s3_server, proxy, max_connections=32, **sizes) as storage,
        storage.open("key") as stored,
        aclosing(stored.read(0, SIZE)) as chunks,
    ):
        proxy.break_next()
        taken = 0
        while taken <= window:
            taken += len(await anext(chunks))
        assert taken < window * 7 // 4  # the kernel passes on at most 250 KiB in one piece
        assert proxy.ranges == [f"bytes=0-{window - 1}", f"bytes={window}-{2 * window - 1}"]


async def test_a_client_that_goes_on_reading_gets_larger_requests(
    s3_server: S3Server, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read_ahead, "PACE_SECONDS", math.inf)  # however slow this machine is
    window = 8 * WINDOW
    sizes = {"window_initial_bytes": window, "window_max_bytes": 4 * window, "buffer_budget_bytes": 32 * window}
    async with (
        breakable_storage(s3_server, proxy, max_connections=32, **sizes) as storage,
        storage.open("key") as stored,
    ):
        proxy.break_next()
        assert await read_span(stored, 0, SIZE) == CONTENT
    # Five windows were requested while the client had taken less than CAUTIOUS_BYTES.
    assert proxy.ranges[5:] == [f"bytes={5 * window}-{SIZE - 1}"]
