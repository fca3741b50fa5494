"""Blocking file work in threads, for callers that can be cancelled at any await.

File work has threads of its own, so that decoding, logging or look-ups of names cannot keep it waiting; those that
write, which may wait for a disk to sync, are others than those that read. A thread cannot be stopped, so the result
of its work must belong to somebody: `take` and `finish` see to that.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

T = TypeVar("T")

THREADS: Final = 32
_abandoned: Final[set[asyncio.Future[Any]]] = set()
READING: Final = ThreadPoolExecutor(THREADS, "file-reads")
WRITING: Final = ThreadPoolExecutor(THREADS, "file-writes")


async def run(work: Callable[[], T], executor: ThreadPoolExecutor = READING) -> T:
    """What `work` returns; it goes on if the caller is cancelled, and its result is dropped."""
    return await asyncio.get_running_loop().run_in_executor(executor, work)


async def take(acquire: Callable[[], T], give_back: Callable[[T], object], executor: ThreadPoolExecutor = READING) -> T:
    """What `acquire` returns.

    If the caller is cancelled meanwhile, `give_back` gets it on the event loop as soon as it exists: nothing that a
    thread opened is ever lost. `give_back` must be quick and must not raise.
    """
    taking = asyncio.get_running_loop().run_in_executor(executor, acquire)
    try:
        return await asyncio.shield(taking)
    except asyncio.CancelledError:
        _abandoned.add(taking)
        taking.add_done_callback(lambda done: done.cancelled() or done.exception() or give_back(done.result()))
        taking.add_done_callback(_abandoned.discard)
        raise


async def settle() -> None:
    """Return when everything that cancelled callers of this loop had asked for was given back."""
    loop = asyncio.get_running_loop()
    while left := [taking for taking in _abandoned if taking.get_loop() is loop]:
        await asyncio.wait(left)
        # The callbacks that give the results back run in the next turn.
        await asyncio.sleep(0)


async def finish(work: Callable[[], T]) -> T:
    """What `work` returns, among the writes, to its end also when the caller is cancelled meanwhile."""
    return await asyncio.shield(asyncio.get_running_loop().run_in_executor(WRITING, work))
