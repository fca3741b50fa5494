"""A read as a row of windows: bounded stretches of the object, each one request, at most one ahead.

Knows: sizes, pace, memory, and resuming at the exact byte. Refuses to know: HTTP.

A window starts small and doubles while it lasts the reader less than `GROW_WHILE_SECONDS`, so it
holds about a second of the reader's pace: a player leaves with little wasted, a download gets large
requests. The next window is asked for when the reader comes back for the second half of this one.

Memory: a window takes its length from the budget before it is asked for, and gives it back when
the reader is done with it. A reader waits for memory only when it holds none (see `budget`).
"""

import asyncio
import random
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Final, Self

from storage_adapters.base import StorageUnavailable
from storage_adapters.s3.answers import Span
from storage_adapters.s3.bodies import Body, Interrupted
from storage_adapters.s3.budget import Budget
from storage_adapters.s3.gets import ObjectVersion, RangedGets
from storage_adapters.s3.options import LEAST_WINDOW_BYTES, S3Options
from storage_adapters.s3.retries import RetryTokens, pause_seconds

GROW_WHILE_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True)
class ReadPath:
    """What all readers of one storage share."""

    options: S3Options
    gets: RangedGets
    memory: Budget
    tokens: RetryTokens
    chance: Callable[[], float] = field(default=random.random)


class Window:
    """One stretch of the object: asked for once, resumed until all of it came, or a StorageError."""

    def __init__(self, path: ReadPath, version: ObjectVersion, span: Span, reach: int) -> None:
        self.end = span.end
        self._path = path
        self._version = version
        self._reach = reach  # how far a server that ignores Range may stretch this window: the read's end
        self._length = span.length
        self._position = span.offset
        self._memory = span.length
        self._failures = 0
        self._body: Body | None = None
        self._starting: asyncio.Task[Body] | None = None
        self._taken_since: float | None = None

    def start_soon(self) -> None:
        """Ask S3 now, while the reader is busy with the window before."""
        self._starting = asyncio.create_task(self._start())

    async def next_chunk(self) -> bytes:
        """The next bytes; none at the window's end."""
        if self._taken_since is None:
            self._taken_since = asyncio.get_running_loop().time()
        while self._position < self.end:
            body = await self._started()
            try:
                chunk = await body.next_chunk(self.end - self._position)
            except Interrupted as trouble:
                await self._recover(trouble)
                continue
            self._position += len(chunk)
            return chunk
        self._path.tokens.refund()
        return b""

    def is_half_taken(self) -> bool:
        """Whether the reader has come back for the second half."""
        return (self.end - self._position) * 2 <= self._length

    def is_taken_fast(self) -> bool:
        """Whether all of it lasts the reader less than `GROW_WHILE_SECONDS` at its pace until now."""
        if self._taken_since is None:
            return False
        seconds = asyncio.get_running_loop().time() - self._taken_since
        return seconds * self._length < GROW_WHILE_SECONDS * (self._length - self.end + self._position)

    async def close(self) -> None:
        """Give back memory and connection, at once."""
        self._path.memory.give(self._memory)
        self._memory = 0
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.wait((self._starting,))
            if not self._starting.cancelled() and self._starting.exception() is None:
                self._body = self._starting.result()
        await self._leave()

    async def _started(self) -> Body:
        if self._body is None:
            self._body = await (self._starting or self._start())
            self._starting = None
        return self._body

    async def _start(self) -> Body:
        while True:
            try:
                body = await self._path.gets.get(
                    self._version,
                    Span(self._position, self.end - self._position),
                    buffer_bytes=self._memory,
                    fresh_connection=self._failures > 0,
                )
            except Interrupted as trouble:
                await self._recover(trouble)
                continue
            if body.whole:
                self.end = self._reach
            return body

    async def _recover(self, trouble: Interrupted) -> None:
        """Return when the rest may be asked for again. Raises StorageUnavailable if it may not."""
        await self._leave()
        self._failures += 1
        if self._failures > self._path.options.retries or not self._path.tokens.take():
            raise StorageUnavailable(
                self._version.key, f"{trouble} (byte {self._position}, failure {self._failures})"
            ) from trouble
        if self._failures > 1 or not trouble.at_once:
            await asyncio.sleep(pause_seconds(self._failures, self._path.chance))

    async def _leave(self) -> None:
        body, self._body = self._body, None
        if body is not None:
            await body.leave()


class Windows:
    """The windows of one read, in order; closes what it opened."""

    def __init__(self, path: ReadPath, version: ObjectVersion, start: int, end: int) -> None:
        self._path = path
        self._version = version
        self._position = start
        self._end = end
        self._size = path.options.window_initial_bytes
        self._current: Window | None = None
        self._ahead: Window | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        async with AsyncExitStack() as stack:
            for window in (self._current, self._ahead):
                if window is not None:
                    stack.push_async_callback(window.close)

    async def next(self) -> Window | None:
        """Close the window before; the next one, None at the end of the read."""
        if self._current is not None:
            await self._finish(self._current)
        if self._position >= self._end:
            return None
        if self._ahead is None:
            self._current = await self._open()
        else:
            self._current, self._ahead = self._ahead, None
        return self._current

    def look_ahead(self) -> None:
        """Ask for the next window if the reader is half through this one and there is memory to spare."""
        current = self._current
        if current is None or self._ahead is not None or current.end >= self._end or not current.is_half_taken():
            return
        size = self._following_size(current)
        span = Span(current.end, min(size, self._end - current.end))
        if self._path.memory.take_spare(span.length):
            self._ahead = Window(self._path, self._version, span, self._end)
            self._ahead.start_soon()

    async def _finish(self, window: Window) -> None:
        self._size = self._following_size(window)
        self._position = window.end
        self._current = None
        await window.close()

    async def _open(self) -> Window:
        """A window of what memory allows, after waiting for some if there is none."""
        options = self._path.options
        wanted = min(self._size, self._end - self._position)
        try:
            granted = await self._path.memory.take(
                wanted, least=LEAST_WINDOW_BYTES, wait_seconds=options.pool_timeout_seconds
            )
        except TimeoutError:
            raise StorageUnavailable(
                self._version.key, f"no buffer memory was free for {options.pool_timeout_seconds} s"
            ) from None
        return Window(self._path, self._version, Span(self._position, granted), self._end)

    def _following_size(self, window: Window) -> int:
        return min(self._size * 2, self._path.options.window_max_bytes) if window.is_taken_fast() else self._size
