"""Many readers, slow readers and readers that stop early: what they hold, and what is left for the others."""

import asyncio
import os
from contextlib import AsyncExitStack, aclosing

import pytest

from storage_adapters.base import StorageUnavailable, StoredObject
from storage_adapters.s3 import S3Storage
from tests.contracts.storage_helpers import read_span
from tests.s3.broken import CONTENT, SIZE, WINDOW, breakable_storage, until
from tests.s3.faults import FaultProxy, cut, fault_proxy, header
from tests.s3.processes import S3Server

pytestmark = pytest.mark.asyncio(loop_scope="module")


def count_descriptors() -> int:
    """Descriptors that this process has open."""
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - only their number matters


async def read_a_little(stored: StoredObject, offset: int) -> None:
    """The first chunk, and away."""
    async with aclosing(stored.read(offset, SIZE - offset)) as chunks:
        assert CONTENT.startswith(await anext(chunks), offset)


async def test_five_hundred_readers_that_stop_hold_nothing(storage: S3Storage) -> None:
    async with storage.open("key") as stored:
        await read_a_little(stored, 0)
        before = count_descriptors()
        for start in range(0, 500, 4):
            await asyncio.gather(*(read_a_little(stored, start + index) for index in range(4)))
        assert storage.connections.free == storage.connections.total
        assert storage.memory.free == storage.memory.total
        assert await read_span(stored, 7, 1000) == CONTENT[7:1007]
        # Both ends of at most every pooled connection live in this process, and the proxy's way to the server.
        await until(lambda: count_descriptors() <= before + 3 * storage.connections.total)


async def test_readers_cancelled_at_any_moment_hold_nothing(storage: S3Storage) -> None:
    async with storage.open("key") as stored:
        for passes in range(120):
            reader = asyncio.create_task(read_span(stored, passes, SIZE - passes))
            for _ in range(passes):
                await asyncio.sleep(0)
            reader.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reader
            assert storage.connections.free == storage.connections.total
            assert storage.memory.free == storage.memory.total
        assert await read_span(stored, 0, 1000) == CONTENT[:1000]


async def test_a_slow_reader_holds_no_connection(storage: S3Storage, proxy: FaultProxy) -> None:
    async with storage.open("key") as stored, aclosing(stored.read(0, SIZE)) as chunks:
        proxy.break_next()
        seen = await anext(chunks)
        await until(lambda: storage.connections.free == storage.connections.total)
        assert proxy.ranges == [f"bytes=0-{WINDOW - 1}"]
        async for chunk in chunks:
            seen += chunk
    assert seen == CONTENT


async def test_a_reader_that_stops_early_costs_at_most_two_windows(storage: S3Storage, proxy: FaultProxy) -> None:
    async with storage.open("key") as stored:
        proxy.break_next()
        await read_a_little(stored, 0)
        assert len(proxy.ranges) <= 2
        assert proxy.sent <= 3 * WINDOW


async def test_a_small_range_is_one_request_over_a_reused_connection(storage: S3Storage, proxy: FaultProxy) -> None:
    async with storage.open("key") as stored:
        await read_span(stored, 0, 10)
        proxy.break_next()
        accepted = proxy.accepted
        for offset in range(20):
            assert await read_span(stored, offset, 10) == CONTENT[offset : offset + 10]
    assert len(proxy.ranges) == 20
    assert proxy.accepted == accepted


async def test_a_stat_that_the_caller_remembers_saves_a_request(storage: S3Storage, proxy: FaultProxy) -> None:
    async with storage.open("key") as stored:
        remembered = stored.stat
    answered = proxy.answered
    async with storage.open("key", remembered) as stored:
        assert stored.stat is remembered
        assert await read_span(stored, 5, 10) == CONTENT[5:15]
    assert proxy.answered == answered + 1


async def test_waiting_for_a_free_connection_is_bounded_in_time(s3_server: S3Server, proxy: FaultProxy) -> None:
    async with (
        breakable_storage(s3_server, proxy, pool_timeout_seconds=0.5) as storage,
        storage.open("key") as stored,
        AsyncExitStack() as stalled,
    ):
        proxy.break_next(*[cut(100, "stall")] * storage.connections.total)
        for _ in range(storage.connections.total):
            chunks = await stalled.enter_async_context(aclosing(stored.read(0, WINDOW)))
            await anext(chunks)
        assert storage.connections.free == 0
        with pytest.raises(StorageUnavailable, match="no connection"):
            await read_span(stored, 0, 10)
        await stalled.aclose()
        assert storage.connections.free == storage.connections.total
        assert await read_span(stored, 0, 10) == CONTENT[:10]


async def test_memory_stays_within_its_budget_and_slow_readers_do_not_stop_the_others(
    s3_server: S3Server, proxy: FaultProxy
) -> None:
    async with (
        breakable_storage(s3_server, proxy, buffer_budget_bytes=32 * WINDOW, max_connections=16) as storage,
        storage.open("key") as stored,
        AsyncExitStack() as slow,
    ):
        least = storage.memory.free
        for _ in range(20):
            chunks = await slow.enter_async_context(aclosing(stored.read(0, SIZE)))
            await anext(chunks)
            least = min(least, storage.memory.free)
        assert least >= 0
        assert storage.memory.free < storage.memory.total
        found = await asyncio.gather(*(read_span(stored, index, 100_000) for index in range(8)))
        assert found == [CONTENT[index : index + 100_000] for index in range(8)]


async def test_waiting_for_free_memory_is_bounded_in_time(s3_server: S3Server, proxy: FaultProxy) -> None:
    async with (
        breakable_storage(s3_server, proxy, buffer_budget_bytes=4 * WINDOW, pool_timeout_seconds=0.2) as storage,
        storage.open("key") as stored,
        AsyncExitStack() as slow,
    ):
        for _ in range(4):
            chunks = await slow.enter_async_context(aclosing(stored.read(0, SIZE)))
            await anext(chunks)
        with pytest.raises(StorageUnavailable, match="no buffer memory"):
            await read_span(stored, 0, 10)
        await slow.aclose()
        assert await read_span(stored, 0, 10) == CONTENT[:10]


async def test_an_unreachable_server_is_unavailable(s3_server: S3Server) -> None:
    async with fault_proxy(s3_server) as proxy, breakable_storage(s3_server, proxy) as storage:
        async with storage.open("key") as stored:
            await proxy.stop()
            with pytest.raises(StorageUnavailable):
                await read_span(stored, 0, 10)
        with pytest.raises(StorageUnavailable):
            await storage.ping()


async def test_while_every_request_fails_retries_stop_after_a_while(s3_server: S3Server, proxy: FaultProxy) -> None:
    async with breakable_storage(s3_server, proxy, max_connections=2) as storage, storage.open("key") as stored:
        for _ in range(6):
            proxy.break_next(*[cut(-1, "reset")] * 20)
            with pytest.raises(StorageUnavailable):
                await read_span(stored, 0, 10)
        # Out of tokens: what is left is the HTTP client's own second try on another socket.
        assert len(proxy.ranges) <= 2
        proxy.break_next()
        assert await read_span(stored, 0, 10) == CONTENT[:10]


async def test_a_retry_trusts_no_pooled_connection(s3_server: S3Server, proxy: FaultProxy) -> None:
    async with (
        breakable_storage(s3_server, proxy, max_connections=8, retries=1) as storage,
        storage.open("key") as stored,
    ):
        await asyncio.gather(*(read_span(stored, index, WINDOW) for index in range(8)))
        proxy.forget_connections()
        assert await read_span(stored, 5, 10) == CONTENT[5:15]


async def test_a_nearly_complete_body_is_read_to_its_end_and_its_connection_kept(
    storage: S3Storage, proxy: FaultProxy
) -> None:
    async with storage.open("key") as stored:
        assert any([await keeps_its_connection(stored, proxy, WINDOW - 1000) for _ in range(20)])


async def test_a_body_with_many_bytes_left_is_cut_off(s3_server: S3Server, proxy: FaultProxy) -> None:
    async with (
        breakable_storage(s3_server, proxy, window_initial_bytes=4 * WINDOW) as storage,
        storage.open("key") as stored,
    ):
        assert not await keeps_its_connection(stored, proxy, WINDOW)


async def keeps_its_connection(stored: StoredObject, proxy: FaultProxy, paused_at: int) -> bool:
    """Whether a reader that leaves in the middle of a body leaves a connection for the next one."""
    await read_span(stored, 0, 10)
    accepted = proxy.accepted
    proxy.break_next(cut(paused_at, "pause"))
    proxy.resume.clear()
    async with aclosing(stored.read(0, SIZE)) as chunks:
        await anext(chunks)
        proxy.resume.set()
    await read_span(stored, 0, 10)
    return proxy.accepted == accepted


async def test_a_read_is_a_plain_request_with_the_range_and_the_version(storage: S3Storage, proxy: FaultProxy) -> None:
    async with storage.open("key") as stored:
        await read_span(stored, 5, 10)
    sent = {name: header(proxy.last_head, name) for name in ("range", "if-match", "accept-encoding", "authorization")}
    assert sent == {
        "range": "bytes=5-14",
        "if-match": f'"{stored.stat.etag}"',
        "accept-encoding": "identity",
        "authorization": "",
    }
