"""A read as a row of windows: bounded stretches of the object, each one request, at most one ahead.

Knows: sizes, order and memory. Refuses to know: retries, and HTTP.

A window starts small and doubles while it lasts the reader less than `GROW_WHILE_SECONDS`, so it
holds about a second of the reader's pace: a player leaves with little wasted, a download gets large
requests. The next window is asked for when the reader comes back for the second half of this one.

Memory: a window takes its length from the budget before it is asked for, and gives it back when
the reader is done with it. A reader waits for memory only when it holds none (see `budget`).
"""

from contextlib import AsyncExitStack
from typing import Self

from storage_adapters.base import StorageUnavailable
from storage_adapters.s3.answers import Span
from storage_adapters.s3.gets import ObjectVersion
from storage_adapters.s3.options import LEAST_WINDOW_BYTES
from storage_adapters.s3.window import ReadPath, Window


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
