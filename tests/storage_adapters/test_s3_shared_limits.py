import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storage_adapters.s3.shared_limits import Budget


async def test_a_borrower_gets_what_it_wants_while_there_is_plenty() -> None:
    budget = Budget(1000)
    assert await budget.take(100, least=10, wait_seconds=1) == 100
    budget.give(100)
    assert budget.free == budget.total == 1000


async def test_a_borrower_gets_a_fraction_of_what_is_left_but_at_least_the_minimum() -> None:
    budget = Budget(1000)
    assert [await budget.take(400, least=50, wait_seconds=1) for _ in range(4)] == [118, 104, 91, 79]
    assert [await budget.take(400, least=300, wait_seconds=1) for _ in range(2)] == [300, 300]
    assert budget.free == 8


async def test_a_borrower_waits_until_something_is_given_back() -> None:
    budget = Budget(100)
    await budget.take(100, least=100, wait_seconds=1)
    waiting = asyncio.create_task(budget.take(60, least=60, wait_seconds=10))
    await asyncio.sleep(0)
    assert not waiting.done()
    budget.give(100)
    assert await waiting == 60
    assert budget.free == 40


async def test_turns_are_in_order_even_if_a_later_one_would_fit() -> None:
    budget, served = Budget(100), list[str]()
    await budget.take(100, least=100, wait_seconds=1)

    async def wait(name: str, units: int) -> None:
        await budget.take(units, least=units, wait_seconds=10)
        served.append(name)

    async with asyncio.TaskGroup() as group:
        for name, units in (("large", 90), ("small", 10)):
            group.create_task(wait(name, units))
            await asyncio.sleep(0)
        budget.give(20)
        await asyncio.sleep(0)
        assert served == []
        budget.give(80)
    assert served == ["large", "small"]


async def test_waiting_ends_with_a_timeout_and_takes_nothing() -> None:
    budget = Budget(10)
    await budget.take(10, least=10, wait_seconds=1)
    with pytest.raises(TimeoutError):
        await budget.take(5, least=5, wait_seconds=0.001)
    budget.give(10)
    assert budget.free == 10


async def test_a_waiter_that_gives_up_lets_the_next_one_in() -> None:
    budget = Budget(10)
    await budget.take(4, least=4, wait_seconds=1)
    large = asyncio.create_task(budget.take(8, least=8, wait_seconds=10))
    await asyncio.sleep(0)
    small = asyncio.create_task(budget.take(5, least=5, wait_seconds=10))
    await asyncio.sleep(0)
    large.cancel()
    assert await small == 5
    assert budget.free == 1


async def test_a_turn_served_in_the_moment_of_giving_up_is_passed_on() -> None:
    budget = Budget(10)
    await budget.take(10, least=10, wait_seconds=1)
    first = asyncio.create_task(budget.take(10, least=10, wait_seconds=10))
    await asyncio.sleep(0)
    second = asyncio.create_task(budget.take(10, least=10, wait_seconds=10))
    await asyncio.sleep(0)
    budget.give(10)
    first.cancel()
    assert await second == 10
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_the_spare_half_is_taken_without_waiting_or_not_at_all() -> None:
    budget = Budget(100)
    assert budget.take_spare(50)
    assert not budget.take_spare(1)
    budget.give(50)
    assert not budget.take_spare(51)
    assert budget.free == 100


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(1, 40), st.integers(1, 40), st.integers(0, 6), st.booleans()), max_size=30))
async def test_no_sequence_of_events_loses_or_invents_anything(takers: list[tuple[int, int, int, bool]]) -> None:
    """Takers that hold for some steps; some are cancelled while they wait or hold."""
    budget = Budget(100)

    async def hold(wanted: int, least: int, passes: int) -> None:
        taken = await budget.take(wanted, least=least, wait_seconds=10)
        try:
            assert min(wanted, least) <= taken <= wanted
            assert 0 <= budget.free <= 100 - taken
            for _ in range(passes):
                await asyncio.sleep(0)
        finally:
            budget.give(taken)

    holders = [(asyncio.create_task(hold(*taker)), is_cancelled) for *taker, is_cancelled in takers]
    for task, is_cancelled in holders:
        await asyncio.sleep(0)
        if is_cancelled:
            task.cancel()
    found = await asyncio.gather(*(task for task, _ in holders), return_exceptions=True)
    assert all(error is None or isinstance(error, asyncio.CancelledError) for error in found)
    assert budget.free == 100
