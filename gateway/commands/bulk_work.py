"""What the commands share that work through many items: a progress bar, and bounded concurrency."""

import asyncio
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Final, TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn

MAX_CONCURRENT_PROBES: Final = 8

T = TypeVar("T")


def progress_bar(console: Console, *columns: ProgressColumn) -> Progress:
    """A bar with these columns after it, if the console is a terminal."""
    # Lines that go to a terminal on stdout are printed above the bar; a pipe is left alone.
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        *columns,
        console=console,
        transient=True,
        disable=not console.is_terminal,
        redirect_stdout=sys.stdout.isatty(),
    )


async def for_each(items: AsyncGenerator[T, None], work: Callable[[T], Awaitable[None]], max_concurrent: int) -> int:
    """Do the work for each item, at most `max_concurrent` at a time; returns their number. The first error ends all work."""
    count, free = 0, asyncio.Semaphore(max_concurrent)

    async def take(item: T) -> None:
        try:
            await work(item)
        finally:
            free.release()

    try:
        async with aclosing(items), asyncio.TaskGroup() as group:
            async for item in items:
                await free.acquire()
                group.create_task(take(item))
                count += 1
    except BaseExceptionGroup as troubles:
        raise troubles.exceptions[0] from troubles
    return count
