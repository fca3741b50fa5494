"""Work in the background: what happens when it fails, and when its caller is cancelled while it ends."""

import asyncio
import logging

import pytest

from gateway.assembly.backends import in_background


async def test_work_that_fails_is_logged_and_started_again(caplog: pytest.LogCaptureFixture) -> None:
    starts, worked = iter(range(9)), asyncio.Event()

    async def work() -> None:
        if next(starts) == 0:
            raise KeyError("unexpected")
        worked.set()
        await asyncio.Event().wait()

    async with in_background(work, restart_seconds=0), asyncio.timeout(60):
        await worked.wait()
    assert [(record.levelno, "KeyError" in (record.exc_text or "")) for record in caplog.records] == [
        (logging.ERROR, True)
    ]


async def test_a_caller_that_is_cancelled_while_the_work_ends_stays_cancelled() -> None:
    running, ending, may_end = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def work() -> None:
        try:
            running.set()
            await asyncio.Event().wait()
        finally:
            ending.set()
            await may_end.wait()

    async def call() -> None:
        async with in_background(work):
            await running.wait()
        pytest.fail("the cancellation was lost")

    caller = asyncio.create_task(call())
    await ending.wait()
    caller.cancel()
    done, _ = await asyncio.wait([caller], timeout=60)
    may_end.set()
    assert (bool(done), caller.cancelled()) == (True, True)


async def test_work_that_fails_while_it_is_cancelled_is_not_started_again() -> None:
    running, starts = asyncio.Event(), 0

    async def work() -> None:
        nonlocal starts
        starts += 1
        running.set()
        try:
            await asyncio.Event().wait()
        finally:
            raise OSError("the connection cannot be closed")

    async with asyncio.timeout(60), in_background(work, restart_seconds=0):
        await running.wait()
    assert starts == 1
