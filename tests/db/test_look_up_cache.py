"""Look-ups are cached until their result changes: each rule of gateway.db.look_up_cache has at least one test."""

import asyncio
from dataclasses import dataclass, field, replace

import pytest

from gateway.catalog import NOT_CACHED, Validity
from gateway.db import look_up_cache
from gateway.db.look_up_cache import ANSWER_TIMEOUT_SECONDS, FOUND_SECONDS, MISSING_SECONDS, LookUpCache
from gateway.db.reachability import RETRY_SECONDS
from gateway.errors import Unavailable
from tests.clock import Clock


class Archive:
    """The source of look-ups: a result, the number of look-ups, and a gate that blocks them."""

    def __init__(self, result: str | None = "first") -> None:
        self.result = result
        self.asked = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def look_up(self) -> str | None:
        self.asked += 1
        result = self.result
        await self.gate.wait()
        return result


@pytest.fixture
def clock() -> Clock:
    return Clock()


@dataclass(frozen=True)
class Result:
    """A value that carries the validity of its look-up."""

    text: str
    validity: Validity = field(default=NOT_CACHED, compare=False)


def bind(text: str, _validity: Validity) -> str:
    return text


@pytest.fixture
def cache(clock: Clock) -> LookUpCache[str, int, str]:
    trusting: LookUpCache[str, int, str] = LookUpCache(bind, clock=clock, capacity=3, missing_capacity=3)
    trusting.trust(trusted=True)
    return trusting


@pytest.fixture
def results(clock: Clock) -> LookUpCache[str, int, Result]:
    """A cache of results that carry their validity, with a grace of a minute."""
    trusting: LookUpCache[str, int, Result] = LookUpCache(
        lambda result, validity: replace(result, validity=validity), clock=clock, capacity=3, grace_seconds=60
    )
    trusting.trust(trusted=True)
    return trusting


async def ask(cache: LookUpCache[str, int, Result], topic: str, text: str | None = "x", caller: int = 1) -> Result:
    async def look_up() -> Result | None:
        return None if text is None else Result(text)

    found = await cache.ask(topic, caller, look_up)
    assert found is not None
    return found


async def away() -> Result | None:
    raise Unavailable("away", retry_after_seconds=5)


async def test_a_repeated_look_up_is_answered_from_the_cache(cache: LookUpCache[str, int, str]) -> None:
    archive = Archive()
    results = [await cache.ask("topic", 1, archive.look_up) for _ in range(5)]
    assert results == ["first"] * 5
    assert archive.asked == 1


async def test_each_caller_gets_its_own_result(cache: LookUpCache[str, int, str]) -> None:
    assert await cache.ask("topic", 1, Archive("mine").look_up) == "mine"
    assert await cache.ask("topic", 2, Archive(None).look_up) is None
    assert await cache.ask("topic", 1, Archive("other").look_up) == "mine"


async def test_without_trust_every_look_up_runs(cache: LookUpCache[str, int, str]) -> None:
    archive = Archive()
    cache.trust(trusted=False)
    for _ in range(3):
        await cache.ask("topic", 1, archive.look_up)
    assert archive.asked == 3


@pytest.mark.parametrize("trusted", [True, False])
async def test_losing_or_regaining_trust_empties_the_cache(cache: LookUpCache[str, int, str], trusted: bool) -> None:  # noqa: FBT001 - a column
    await cache.ask("topic", 1, Archive("old").look_up)
    cache.trust(trusted=trusted)
    cache.trust(trusted=True)
    assert await cache.ask("topic", 1, Archive("new").look_up) == "new"


async def test_a_change_removes_only_its_own_topic(cache: LookUpCache[str, int, str]) -> None:
    await cache.ask("topic", 1, Archive("old").look_up)
    await cache.ask("other", 1, Archive("kept").look_up)
    cache.forget("topic")
    assert await cache.ask("topic", 1, Archive("new").look_up) == "new"
    assert await cache.ask("other", 1, Archive("new").look_up) == "kept"


@pytest.mark.parametrize(("result", "seconds"), [("found", FOUND_SECONDS), (None, MISSING_SECONDS)])
async def test_responses_expire(
    cache: LookUpCache[str, int, str], clock: Clock, result: str | None, seconds: float
) -> None:
    archive = Archive(result)
    await cache.ask("topic", 1, archive.look_up)
    clock.seconds = seconds - 0.1
    cache.expire()
    await cache.ask("topic", 1, archive.look_up)
    assert archive.asked == 1
    clock.seconds = seconds
    cache.expire()
    await cache.ask("topic", 1, archive.look_up)
    assert archive.asked == 2


async def test_the_oldest_entry_is_evicted_first_and_its_validity_ends(results: LookUpCache[str, int, Result]) -> None:
    a, b, c, d = [await ask(results, topic) for topic in "abcd"]
    assert [each.validity.holds for each in (a, b, c, d)] == [False, True, True, True]
    assert await ask(results, "b", "new") == b
    assert await ask(results, "a", "new") == Result("new")


async def test_a_topic_with_many_callers_is_bounded_too(cache: LookUpCache[str, int, str]) -> None:
    found, missing = Archive(), Archive(None)
    for caller in range(100):
        await cache.ask("topic", caller, found.look_up)
        await cache.ask("topic", 1000 + caller, missing.look_up)
    assert len(cache) == 6


async def test_an_absent_result_never_evicts_a_found_one(cache: LookUpCache[str, int, str]) -> None:
    archive = Archive()
    await cache.ask("topic", 1, archive.look_up)
    for caller in range(100):
        await cache.ask("other", caller, Archive(None).look_up)
    await cache.ask("topic", 1, archive.look_up)
    assert archive.asked == 1


async def test_a_change_ends_only_the_validity_of_its_topic(results: LookUpCache[str, int, Result]) -> None:
    mine, other = await ask(results, "mine"), await ask(results, "other")
    results.forget("mine")
    assert (mine.validity.holds, other.validity.holds) == (False, True)
    again = await ask(results, "mine")
    assert again.validity.holds
    assert again.validity is not mine.validity


async def test_a_validity_ends_with_its_age_and_with_trust(
    results: LookUpCache[str, int, Result], clock: Clock
) -> None:
    old = await ask(results, "old")
    clock.seconds = FOUND_SECONDS - 1
    young = await ask(results, "young")
    clock.seconds = FOUND_SECONDS
    results.expire()
    assert (old.validity.holds, young.validity.holds) == (False, True)
    results.trust(trusted=False)
    assert not young.validity.holds


async def test_a_result_that_is_not_cached_has_no_validity(results: LookUpCache[str, int, Result]) -> None:
    gate = asyncio.Event()

    async def look_up() -> Result | None:
        await gate.wait()
        return Result("late")

    asking = asyncio.create_task(results.ask("topic", 1, look_up))
    await turns()
    results.forget("topic")
    gate.set()
    found = await asking
    assert found is not None
    assert not found.validity.holds


async def test_cached_results_are_served_during_an_outage_until_the_grace_ends(
    results: LookUpCache[str, int, Result], clock: Clock
) -> None:
    known = await ask(results, "known")
    results.trust(trusted=False)
    clock.seconds = 59.9
    found = await results.ask("known", 1, away)
    assert found == known
    assert found is not None
    assert not found.validity.holds
    with pytest.raises(Unavailable):
        await results.ask("unknown", 1, away)
    clock.seconds = 60.0
    with pytest.raises(Unavailable):
        await results.ask("known", 1, away)


async def test_every_look_up_runs_while_only_the_listener_is_down(
    results: LookUpCache[str, int, Result],
) -> None:
    await ask(results, "topic", "old")
    results.trust(trusted=False)
    assert await ask(results, "topic", "new") == Result("new")
    assert await ask(results, "topic", "newer") == Result("newer")
    assert await results.ask("topic", 1, away) == Result("newer"), "confirmed when it was asked last"


async def test_a_row_deleted_while_the_listener_was_down_is_not_served_again(
    results: LookUpCache[str, int, Result],
) -> None:
    await ask(results, "topic")
    results.trust(trusted=False)
    with pytest.raises(AssertionError):
        await ask(results, "topic", None)
    with pytest.raises(Unavailable):
        await results.ask("topic", 1, away)


async def test_an_unavailable_database_is_retried_and_callers_do_not_wait_for_it(
    results: LookUpCache[str, int, Result], clock: Clock
) -> None:
    asked = 0

    async def look_up() -> Result | None:
        nonlocal asked
        asked += 1
        return await away()

    await ask(results, "topic")
    results.trust(trusted=False)
    for _ in range(10):
        assert await results.ask("topic", 1, look_up) == Result("x")
    await turns()
    assert asked == 1
    with pytest.raises(Unavailable):
        await results.ask("unknown", 1, look_up)
    assert asked == 1
    clock.seconds += RETRY_SECONDS
    assert await results.ask("topic", 1, look_up) == Result("x")
    await turns()
    assert asked == 2


async def test_a_silent_database_delays_a_cached_look_up_only_briefly(
    results: LookUpCache[str, int, Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ANSWER_TIMEOUT_SECONDS <= 2
    monkeypatch.setattr(look_up_cache, "ANSWER_TIMEOUT_SECONDS", 0.01)
    await ask(results, "topic", "old")
    results.trust(trusted=False)
    silent = Archive()
    silent.gate.clear()

    async def look_up() -> Result | None:
        return Result(str(await silent.look_up()))

    assert await results.ask("topic", 1, look_up) == Result("old")
    silent.gate.set()
    await turns()
    assert await ask(results, "topic", "new") == Result("new"), "it answers again"


@pytest.mark.parametrize("trusted", [True, False])
async def test_without_grace_nothing_is_served_during_an_outage(clock: Clock, trusted: bool) -> None:  # noqa: FBT001 - a column
    cache: LookUpCache[str, int, Result] = LookUpCache(lambda result, _: result, clock=clock)
    cache.trust(trusted=trusted)
    await ask(cache, "topic")
    cache.trust(trusted=False)
    with pytest.raises(Unavailable):
        await cache.ask("topic", 1, away)


async def test_cached_results_survive_a_second_outage_before_the_first_look_up(
    results: LookUpCache[str, int, Result], clock: Clock
) -> None:
    await ask(results, "topic", "old")
    results.trust(trusted=False)
    results.trust(trusted=True)
    found = await results.ask("topic", 1, away)
    assert found == Result("old")
    assert found is not None
    assert not found.validity.holds
    results.trust(trusted=False)
    assert await results.ask("topic", 1, away) == Result("old")
    results.trust(trusted=True)
    clock.seconds = 60.0
    with pytest.raises(Unavailable):
        await results.ask("topic", 1, away)


async def test_an_expired_entry_is_served_when_the_database_does_not_answer(
    results: LookUpCache[str, int, Result], clock: Clock
) -> None:
    await ask(results, "topic", "old")
    clock.seconds = FOUND_SECONDS
    results.expire()
    assert await results.ask("topic", 1, away) == Result("old")
    results.forget("topic")
    with pytest.raises(Unavailable):
        await results.ask("topic", 1, away)


async def test_every_look_up_runs_again_once_the_listener_is_back(results: LookUpCache[str, int, Result]) -> None:
    await ask(results, "topic", "old")
    results.trust(trusted=False)
    assert await results.ask("topic", 1, away) == Result("old")
    results.trust(trusted=True)
    found = await ask(results, "topic", "new")
    assert found == Result("new")
    assert found.validity.holds


async def test_concurrent_misses_share_one_look_up(cache: LookUpCache[str, int, str]) -> None:
    archive = Archive()
    archive.gate.clear()
    asking = [asyncio.create_task(cache.ask("topic", 1, archive.look_up)) for _ in range(10)]
    await turns()
    archive.gate.set()
    assert await asyncio.gather(*asking) == ["first"] * 10
    assert archive.asked == 1


async def test_a_cancelled_caller_does_not_cancel_the_shared_look_up(cache: LookUpCache[str, int, str]) -> None:
    archive = Archive()
    archive.gate.clear()
    leaver, stayer = (asyncio.create_task(cache.ask("topic", 1, archive.look_up)) for _ in range(2))
    await turns()
    leaver.cancel()
    await turns()
    archive.gate.set()
    assert await stayer == "first"
    assert leaver.cancelled()
    assert archive.asked == 1


@pytest.mark.parametrize("change", ["forget", "trust"])
async def test_a_look_up_that_runs_during_a_change_is_not_cached(
    cache: LookUpCache[str, int, str], change: str
) -> None:
    archive = Archive("old")
    archive.gate.clear()
    asking = asyncio.create_task(cache.ask("topic", 1, archive.look_up))
    await turns()
    if change == "forget":
        cache.forget("topic")
    else:
        cache.trust(trusted=True)
    late = asyncio.create_task(cache.ask("topic", 1, Archive("new").look_up))
    await turns()
    archive.gate.set()
    assert await asking == "old"
    assert await late == "new", "a caller after the change does not join the look-up before it"
    assert await cache.ask("topic", 1, Archive("newer").look_up) == "new"


async def test_a_failed_look_up_fails_for_its_callers_and_is_not_cached(cache: LookUpCache[str, int, str]) -> None:
    async def fail() -> str | None:
        raise ConnectionError("away")

    for _ in range(2):
        with pytest.raises(ConnectionError):
            await cache.ask("topic", 1, fail)
    assert await cache.ask("topic", 1, Archive().look_up) == "first"


async def turns() -> None:
    """Let every task run as far as it can."""
    for _ in range(10):
        await asyncio.sleep(0)
