"""Extends a lease in the database while its holder works; a lease expires soon after its process has died."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from gateway.errors import Refusal


@asynccontextmanager
async def extended(extend: Callable[[], Awaitable[object]], lease_seconds: float) -> AsyncGenerator[None]:
    """Call `extend` every third of the lease until the block ends. One refused call does not end the lease."""
    task = asyncio.create_task(_repeat(extend, lease_seconds / 3))
    try:
        yield
    finally:
        task.cancel()
        # Not `await task`: a cancellation of the caller that arrives meanwhile would look like that of the task.
        await asyncio.wait([task])


async def _repeat(extend: Callable[[], Awaitable[object]], seconds: float) -> None:
    while True:
        await asyncio.sleep(seconds)
        with suppress(Refusal):
            await extend()
