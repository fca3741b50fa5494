"""Streams share the turns of the event loop by bytes, first come, first served."""

import asyncio

from gateway.web.bytes.loop_turns import LoopTurns

LARGE = 50


async def test_the_bytes_sent_in_a_turn_are_bounded_however_many_streams_run() -> None:
    turns = LoopTurns(1000)
    sent = 0

    async def stream() -> None:
        nonlocal sent
        for _ in range(20):
            if turns.left <= 0:
                await turns.wait(300)
            turns.spend(300)
            sent += 300

    streams = [asyncio.create_task(stream()) for _ in range(LARGE)]
    most = before = 0
    while not all(each.done() for each in streams):
        await asyncio.sleep(0)
        most, before = max(most, sent - before), sent
    assert sent == LARGE * 20 * 300
    # What the waiting streams were granted, and what newcomers took beside them, each one window too much.
    assert most <= 2 * (1000 + 300)


async def test_streams_take_turns_in_the_order_in_which_they_wait() -> None:
    turns = LoopTurns(100)
    order: list[int] = []

    async def send(number: int) -> None:
        for _ in range(3):
            await turns.wait(100)
            turns.spend(100)
            order.append(number)

    await asyncio.gather(*(send(number) for number in range(4)))
    assert order == [0, 1, 2, 3] * 3


async def test_a_stream_that_is_cancelled_while_it_waits_takes_no_turn() -> None:
    turns = LoopTurns(100)
    first, second = (asyncio.create_task(turns.wait(100)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    async with asyncio.timeout(5):
        await second
    assert first.cancelled()


async def test_a_turn_begins_only_when_less_than_half_is_left() -> None:
    turns = LoopTurns(1000)
    turns.spend(500)
    await asyncio.sleep(0)
    assert turns.left == 500
    turns.spend(1)
    await asyncio.sleep(0)
    assert turns.left == 1000
