"""Leases that are extended while their holder works."""

import asyncio

import pytest

from gateway.errors import Busy
from gateway.uploads.leases import extended


async def test_a_holder_that_is_cancelled_while_an_extension_ends_is_cancelled() -> None:
    extending, has_left = asyncio.Event(), asyncio.Event()

    async def extend() -> None:
        extending.set()
        try:
            await asyncio.Event().wait()
        finally:
            # A connection of the pool is also given back only after a round trip.
            has_left.set()
            await asyncio.sleep(0)
            await asyncio.sleep(0)

    async def hold() -> None:
        async with extended(extend, lease_seconds=0.003):
            await extending.wait()

    holder = asyncio.create_task(hold())
    await has_left.wait()
    holder.cancel()
    with pytest.raises(asyncio.CancelledError):
        await holder


async def test_a_lease_is_extended_again_after_a_refusal() -> None:
    calls, was_repeated = 0, asyncio.Event()

    async def extend() -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise Busy("Try again", 1)
        was_repeated.set()

    async with extended(extend, lease_seconds=0.003):
        await was_repeated.wait()
    assert asyncio.all_tasks() == {asyncio.current_task()}
