"""Permits that accounts share."""

import asyncio

import pytest

from gateway.media.fair_semaphore import FairSemaphore


async def order_of(turns: FairSemaphore, *accounts: str) -> list[str]:
    """The accounts in the order in which they get a permit, when all wait at the same time."""
    got: list[str] = []

    async def take(account: str) -> None:
        async with turns.permit(account):
            got.append(account)
            await asyncio.sleep(0)

    await asyncio.gather(*(take(account) for account in accounts))
    return got


async def test_accounts_that_wait_take_turns() -> None:
    assert await order_of(FairSemaphore(1), "a", "a", "a", "a", "b", "b", "c") == ["a", "b", "c", "a", "b", "a", "a"]


async def test_an_account_leaves_one_permit_to_the_others() -> None:
    turns = FairSemaphore(3)
    async with turns.permit("a"), turns.permit("a"):
        third = asyncio.create_task(order_of(turns, "a"))
        assert await order_of(turns, "b") == ["b"]
        assert not third.done()
    assert await third == ["a"]


async def test_a_single_permit_is_given_to_any_account() -> None:
    assert await order_of(FairSemaphore(1), "a") == ["a"]


async def take(turns: FairSemaphore, account: str) -> str:
    """Take a permit and give it back. A task that does this waits for the permit after one turn of the loop."""
    async with turns.permit(account):
        return account


async def test_a_cancelled_waiter_passes_its_turn_on() -> None:
    turns = FairSemaphore(1)
    async with turns.permit("a"):
        leaving = asyncio.create_task(take(turns, "b"))
        staying = asyncio.create_task(take(turns, "c"))
        await asyncio.sleep(0)
        leaving.cancel()
        await asyncio.wait({leaving})
    assert await staying == "c"
    assert leaving.cancelled()


async def test_a_waiter_that_is_cancelled_when_its_turn_comes_gives_it_back() -> None:
    turns = FairSemaphore(1)
    async with turns.permit("a"):
        leaving = asyncio.create_task(take(turns, "b"))
        await asyncio.sleep(0)
    leaving.cancel()
    assert await take(turns, "c") == "c"
    assert leaving.cancelled()


@pytest.mark.parametrize("others", [0, 1])
async def test_a_waiter_that_is_cancelled_before_its_turn_comes_gets_no_permit(others: int) -> None:
    turns = FairSemaphore(1)
    async with turns.permit("a"):
        leaving = asyncio.create_task(take(turns, "b"))
        staying = [asyncio.create_task(take(turns, "b")) for _ in range(others)]
        await asyncio.sleep(0)
        leaving.cancel()  # its task runs only after the permit was given back
    async with asyncio.timeout(60):
        assert await take(turns, "c") == "c"
        assert await asyncio.gather(*staying) == ["b"] * others
        await asyncio.wait({leaving})
    assert leaving.cancelled()
