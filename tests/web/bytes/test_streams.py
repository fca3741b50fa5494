"""How many streams run, and who waits for the last of them."""

import asyncio

import pytest

from gateway.errors import Unavailable
from gateway.web.bytes.streaming import Streams


async def test_one_more_than_the_limit_is_refused() -> None:
    streams = Streams(1)
    with streams, pytest.raises(Unavailable), streams:
        pytest.fail("two streams run where one may")
    assert streams.running == 0


async def test_who_waits_is_told_when_the_last_stream_ends() -> None:
    streams = Streams(2)
    with streams:
        with streams:
            waiting = asyncio.create_task(streams.wait_idle())
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not waiting.done()
    await asyncio.wait_for(waiting, timeout=5)


async def test_a_stream_ends_well_behind_somebody_who_waited_no_longer() -> None:
    streams = Streams(1)
    with streams, pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await streams.wait_idle()
    assert streams.running == 0
    await streams.wait_idle()
