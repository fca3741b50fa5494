"""When the supervisor replaces a worker, tested with objects in place of processes."""

import asyncio
import errno
import multiprocessing
from collections.abc import Iterator
from socket import socket
from typing import Final, cast

import pytest

from gateway.process import workers
from gateway.process.listening import Sockets
from gateway.process.server import report_ready
from gateway.process.workers import Slot
from gateway.settings.load import Config

SOON: Final = 60
CONFIG: Final = cast("Config", None)


class FakeWorker:
    """A worker that is ready immediately and ends when the test says so."""

    made: Final[list["FakeWorker"]] = []
    failures = 0

    def __init__(self, *_arguments: object) -> None:
        if FakeWorker.failures:
            FakeWorker.failures -= 1
            raise BlockingIOError(errno.EAGAIN, "no process can be started")
        self.pid, self.started, self.end = None, 0.0, asyncio.Event()
        self.made.append(self)

    async def ready(self) -> None:
        return

    async def ended(self) -> int:
        await self.end.wait()
        return 0

    def drain(self) -> None:
        return

    def hand_over(self) -> None:
        return

    def kill(self) -> None:
        self.end.set()


@pytest.fixture
def sockets(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sockets]:
    monkeypatch.setattr(workers, "Worker", FakeWorker)
    FakeWorker.made.clear()
    with socket() as public:
        yield Sockets(public, None)


def slot_on(sockets: Sockets) -> Slot:
    return Slot(lambda *_: None, CONFIG, sockets, lambda _pid: None)


async def test_a_worker_that_cannot_be_started_is_started_later(sockets: Sockets) -> None:
    slot = slot_on(sockets)
    supervised = asyncio.create_task(slot.supervise())
    FakeWorker.failures = 2
    FakeWorker.made[0].end.set()
    async with asyncio.timeout(SOON):
        while len(FakeWorker.made) < 2 and not supervised.done():  # noqa: ASYNC110 - nothing announces it
            await asyncio.sleep(0.01)
    assert not supervised.done()
    supervised.cancel()


async def test_a_stop_waits_for_the_new_worker_when_the_old_one_ends_first(sockets: Sockets) -> None:
    slot = slot_on(sockets)
    supervised = asyncio.create_task(slot.supervise())
    await asyncio.sleep(0)
    await slot.replace(CONFIG)
    slot.stop()
    old, new = FakeWorker.made
    old.end.set()
    done, _ = await asyncio.wait([supervised], timeout=0.1)
    assert not done
    new.end.set()
    async with asyncio.timeout(SOON):
        await supervised


async def test_a_worker_that_dies_while_its_predecessor_drains_is_replaced(sockets: Sockets) -> None:
    slot = slot_on(sockets)
    supervised = asyncio.create_task(slot.supervise())
    await asyncio.sleep(0)
    await slot.replace(CONFIG)
    FakeWorker.made[1].end.set()
    async with asyncio.timeout(SOON):
        while len(FakeWorker.made) < 3:  # noqa: ASYNC110 - nothing announces it
            await asyncio.sleep(0.01)
    supervised.cancel()


async def test_a_kill_ends_the_worker_that_still_drains_too(sockets: Sockets) -> None:
    slot = slot_on(sockets)
    supervised = asyncio.create_task(slot.supervise())
    await asyncio.sleep(0)
    await slot.replace(CONFIG)
    slot.stop()
    slot.kill()
    async with asyncio.timeout(SOON):
        await supervised


async def test_a_worker_that_a_reload_starts_in_place_of_a_dead_one_stays(
    sockets: Sockets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "FIRST_PAUSE_SECONDS", 0.05)
    slot = slot_on(sockets)
    supervised = asyncio.create_task(slot.supervise())
    await asyncio.sleep(0)
    FakeWorker.made[0].end.set()
    await slot.replace(CONFIG)
    done, _ = await asyncio.wait([supervised], timeout=0.2)
    assert (done, len(FakeWorker.made)) == (set(), 2)
    supervised.cancel()


def test_a_worker_that_is_replaced_before_it_serves_does_not_fail() -> None:
    supervisor, worker = multiprocessing.Pipe()
    supervisor.close()
    report_ready(worker)
