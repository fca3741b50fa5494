"""Runs blocking file work in threads, for callers that can be cancelled at any await.

File work has its own threads, so that it never waits for decoding, logging or name resolution. Writes, which may wait
for a disk to sync, have other threads than reads. A running thread cannot be cancelled when its caller is: `take`
releases what such a thread opened, and `finish` makes sure that the work is done in any case.
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
    """Return the result of `work`.

    If the caller is cancelled, `work` is not started any more; if it runs already, its result is dropped.
    """
    return await asyncio.get_running_loop().run_in_executor(executor, work)


async def take(acquire: Callable[[], T], give_back: Callable[[T], object], executor: ThreadPoolExecutor = READING) -> T:
    """Return the result of `acquire`, for instance an open file.

    If the caller is cancelled meanwhile, `give_back` is called with the result on the event loop as soon as `acquire`
    returns, so that nothing stays open. `give_back` must be quick and must not raise.
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
    """Wait until `take` has given back all results of cancelled callers on this loop."""
    loop = asyncio.get_running_loop()
    while left := [taking for taking in _abandoned if taking.get_loop() is loop]:
        await asyncio.wait(left)
        # The callbacks that give the results back run in the next turn.
        await asyncio.sleep(0)


async def finish(work: Callable[[], T]) -> T:
    """Return the result of `work`, run in a thread for writes.

    If the caller is cancelled, it stops waiting, but `work` still runs to its end.
    """
    return await asyncio.shield(asyncio.get_running_loop().run_in_executor(WRITING, work))
