"""Waiting for what another process does."""

import asyncio
from collections.abc import Callable
from typing import Final

PATIENCE_SECONDS: Final = 120.0


async def wait_until(holds: Callable[[], bool]) -> None:
    """Return once it holds; TimeoutError if it takes too long."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not holds():  # noqa: ASYNC110 - another process sets no Event of ours
            await asyncio.sleep(0.01)
