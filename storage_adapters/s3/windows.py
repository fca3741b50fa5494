"""A read as a row of windows: bounded stretches of the object, each one request, delivered in order.

Knows: order and memory. Refuses to know: retries, HTTP, and how far a reader's reach goes.

    the object    ...[ taken | window | window | window ]...
                             reader ^
                                    |<----- reach ---->|

Memory: a window takes its length from the budget before it is asked for, and gives it back when
the reader is done with it. A reader waits for memory only when it holds none (see `budget`); what lies ahead takes
only what is to spare, of memory and of connections.
"""

from collections import deque
from contextlib import AsyncExitStack
from typing import Self

from storage_adapters.base import StorageUnavailable
from storage_adapters.s3.answers import Span
from storage_adapters.s3.gets import ObjectVersion
from storage_adapters.s3.reach import following_reach, is_within_reach, window_bytes
from storage_adapters.s3.window import ReadPath, Window
from storage_adapters.storage_options import LEAST_WINDOW_BYTES


class Windows:
    """The windows of one read, in order; closes what it opened."""

    def __init__(self, path: ReadPath, version: ObjectVersion, start: int, end: int) -> None:
        self._path = path
        self._version = version
        self._position = start
        self._end = end
        self._reach = path.options.window_initial_bytes
        self._row: deque[Window] = deque()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if not self._row:
            return
        for window in self._row:
            window.stop()
        async with AsyncExitStack() as stack:
            for window in self._row:
                stack.push_async_callback(window.close)

    async def next(self) -> Window | None:
        """Close the window before; the next one, None at the end of the read."""
        if self._row:
            await self._finish(self._row.popleft())
        if self._position >= self._end:
            return None
        if not self._row:
            self._row.append(await self._open())
        return self._row[0]

    def look_ahead(self) -> None:
        """Ask for what is within reach, if there are memory and connections to spare."""
        while (start := self._row[-1].end) < self._end:
            size = min(window_bytes(self._path.options, self._reach), self._end - start)
            ahead = start - self._row[0].position
            if not (is_within_reach(self._reach, ahead, size) and self._path.take_spare(size)):
                return
            window = Window(self._path, self._version, Span(start, size), self._end)
            window.start_soon()
            self._row.append(window)

    async def _finish(self, window: Window) -> None:
        taken, seconds = window.length, window.seconds_taken()
        self._reach = following_reach(self._path.options, self._reach, taken=taken, seconds=seconds)
        self._position = window.end
        await window.close()

    async def _open(self) -> Window:
        """All within reach in one request, or what memory allows, after waiting for some if there is none."""
        options = self._path.options
        wanted = min(self._reach, self._end - self._position)
        try:
            granted = await self._path.memory.take(
                wanted, least=LEAST_WINDOW_BYTES, wait_seconds=options.pool_timeout_seconds
            )
        except TimeoutError:
            raise StorageUnavailable(
                self._version.key, f"no buffer memory was free for {options.pool_timeout_seconds} s"
            ) from None
        return Window(self._path, self._version, Span(self._position, granted), self._end)
