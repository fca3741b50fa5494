"""Blocking work in threads, for callers that can be cancelled at any await.

Knows: that a thread cannot be stopped, so its result must belong to somebody. Refuses to know:
what the work is. Work whose result needs no owner goes through `asyncio.to_thread` as usual.
"""

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def take(acquire: Callable[[], T], give_back: Callable[[T], object]) -> T:
    """What `acquire` returns, run in a thread.

    If the caller is cancelled meanwhile, `give_back` gets it on the event loop as soon as it is
    there: nothing that a thread opened is ever lost. `give_back` must be quick and must not raise.
    """
    taking = asyncio.get_running_loop().run_in_executor(None, acquire)
    try:
        return await asyncio.shield(taking)
    except asyncio.CancelledError:
        taking.add_done_callback(lambda done: done.cancelled() or done.exception() or give_back(done.result()))
        raise


async def finish(work: Callable[[], T]) -> T:
    """What `work` returns, run in a thread, to its end also when the caller is cancelled meanwhile."""
    return await asyncio.shield(asyncio.get_running_loop().run_in_executor(None, work))
