"""Answers remembered until they change: the four rules of gateway.db.answer_cache, one test or more each."""

import asyncio

import pytest

from gateway.db.answer_cache import FOUND_SECONDS, MISSING_SECONDS, Memory


class Archive:
    """What is looked up: an answer, how often it was asked for, and a gate that holds look-ups back."""

    def __init__(self, answer: str | None = "first") -> None:
        self.answer = answer
        self.asked = 0
        self.gate = asyncio.Event()
        self.gate.set()

    async def look_up(self) -> str | None:
        self.asked += 1
        answer = self.answer
        await self.gate.wait()
        return answer


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def memory(clock: Clock) -> Memory[str, int, str]:
    trusting: Memory[str, int, str] = Memory(clock, capacity=3)
    trusting.trust(trusted=True)
    return trusting


async def test_a_repeated_question_is_answered_without_asking(memory: Memory[str, int, str]) -> None:
    archive = Archive()
    answers = [await memory.ask("topic", 1, archive.look_up) for _ in range(5)]
    assert answers == ["first"] * 5
    assert archive.asked == 1


async def test_each_asker_has_an_answer_of_its_own(memory: Memory[str, int, str]) -> None:
    assert await memory.ask("topic", 1, Archive("mine").look_up) == "mine"
    assert await memory.ask("topic", 2, Archive(None).look_up) is None
    assert await memory.ask("topic", 1, Archive("other").look_up) == "mine"


async def test_without_trust_every_question_is_asked(memory: Memory[str, int, str]) -> None:
    archive = Archive()
    memory.trust(trusted=False)
    for _ in range(3):
        await memory.ask("topic", 1, archive.look_up)
    assert archive.asked == 3


@pytest.mark.parametrize("trusted", [True, False])
async def test_losing_or_regaining_trust_forgets_all(memory: Memory[str, int, str], trusted: bool) -> None:  # noqa: FBT001 - a column
    await memory.ask("topic", 1, Archive("old").look_up)
    memory.trust(trusted=trusted)
    memory.trust(trusted=True)
    assert await memory.ask("topic", 1, Archive("new").look_up) == "new"


async def test_a_changed_topic_is_asked_about_again_and_others_are_not(memory: Memory[str, int, str]) -> None:
    await memory.ask("topic", 1, Archive("old").look_up)
    await memory.ask("other", 1, Archive("kept").look_up)
    memory.forget("topic")
    assert await memory.ask("topic", 1, Archive("new").look_up) == "new"
    assert await memory.ask("other", 1, Archive("new").look_up) == "kept"


@pytest.mark.parametrize(("answer", "seconds"), [("found", FOUND_SECONDS), (None, MISSING_SECONDS)])
async def test_answers_grow_old(
    memory: Memory[str, int, str], clock: Clock, answer: str | None, seconds: float
) -> None:
    archive = Archive(answer)
    await memory.ask("topic", 1, archive.look_up)
    clock.now = seconds - 0.1
    await memory.ask("topic", 1, archive.look_up)
    assert archive.asked == 1
    clock.now = seconds
    await memory.ask("topic", 1, archive.look_up)
    assert archive.asked == 2


async def test_the_topic_asked_about_longest_ago_leaves_first(memory: Memory[str, int, str]) -> None:
    for topic in ("a", "b", "c", "a", "d"):
        await memory.ask(topic, 1, Archive().look_up)
    archive = Archive()
    for topic in ("a", "c", "d"):
        await memory.ask(topic, 1, archive.look_up)
    assert archive.asked == 0
    await memory.ask("b", 1, archive.look_up)
    assert archive.asked == 1


async def test_concurrent_misses_are_one_look_up(memory: Memory[str, int, str]) -> None:
    archive = Archive()
    archive.gate.clear()
    asking = [asyncio.create_task(memory.ask("topic", 1, archive.look_up)) for _ in range(10)]
    await turns()
    archive.gate.set()
    assert await asyncio.gather(*asking) == ["first"] * 10
    assert archive.asked == 1


async def test_who_leaves_does_not_take_the_look_up_along(memory: Memory[str, int, str]) -> None:
    archive = Archive()
    archive.gate.clear()
    leaver, stayer = (asyncio.create_task(memory.ask("topic", 1, archive.look_up)) for _ in range(2))
    await turns()
    leaver.cancel()
    await turns()
    archive.gate.set()
    assert await stayer == "first"
    assert leaver.cancelled()
    assert archive.asked == 1


@pytest.mark.parametrize("change", ["forget", "trust"])
async def test_an_answer_under_way_during_a_change_is_not_remembered(
    memory: Memory[str, int, str], change: str
) -> None:
    archive = Archive("old")
    archive.gate.clear()
    asking = asyncio.create_task(memory.ask("topic", 1, archive.look_up))
    await turns()
    if change == "forget":
        memory.forget("topic")
    else:
        memory.trust(trusted=True)
    late = asyncio.create_task(memory.ask("topic", 1, Archive("new").look_up))
    await turns()
    archive.gate.set()
    assert await asking == "old"
    assert await late == "new", "who asks behind the change does not join the look-up before it"
    assert await memory.ask("topic", 1, Archive("newer").look_up) == "new"


async def test_a_failed_look_up_fails_its_askers_and_is_not_remembered(memory: Memory[str, int, str]) -> None:
    async def fail() -> str | None:
        raise ConnectionError("away")

    for _ in range(2):
        with pytest.raises(ConnectionError):
            await memory.ask("topic", 1, fail)
    assert await memory.ask("topic", 1, Archive().look_up) == "first"


async def turns() -> None:
    """Let every task run as far as it can."""
    for _ in range(10):
        await asyncio.sleep(0)
