"""A read of one version of an object: bounded windows, each one request, delivered in order.

    the object    ...[ taken | window | window | window ]...
                             reader ^
                                    |<-- read-ahead -->|

`read_ahead` decides how far a read requests ahead of its reader, and the size of its windows.

Memory: a window takes its length from the budget before it is requested, and gives it back when the reader is done
with it. A reader waits for memory only when it holds none. Windows ahead of the reader use only spare memory and spare
connections.
"""

import asyncio
from collections import deque
from contextlib import AsyncExitStack

from storage_adapters.base import StorageUnavailable
from storage_adapters.s3.error_codes import Interrupted, UnexpectedResponse
from storage_adapters.s3.http_responses import Response
from storage_adapters.s3.range_responses import Span
from storage_adapters.s3.ranged_gets import ObjectVersion
from storage_adapters.s3.read_ahead import first_limit, following_limit, is_cautious, is_within_limit, window_bytes
from storage_adapters.s3.read_path import ReadPath
from storage_adapters.s3.shared_limits import pause_seconds
from storage_adapters.storage_options import LEAST_WINDOW_BYTES


class Window:
    """One contiguous part of the object: one request, resumed at the exact byte after an interruption."""

    def __init__(self, path: ReadPath, version: ObjectVersion, span: Span, read_end: int) -> None:
        self.position = span.offset
        self.end = span.end
        self._path = path
        self._version = version
        self._read_end = read_end  # where to stop if a server that ignores Range sends the whole object
        self._memory = span.length
        self._failures = 0
        self._unexpected_responses = 0
        self._response: Response | None = None
        self._starting: asyncio.Task[Response] | None = None

    def start_soon(self) -> None:
        """Send the request now, while the reader still reads the window before."""
        self._starting = asyncio.create_task(self._start())

    async def next_chunk(self) -> bytes:
        """The next bytes; empty at the window's end. Raises StorageError."""
        while self.position < self.end:
            try:
                chunk = await self._read()
            except Interrupted as trouble:
                await self._recover(trouble)
                continue
            if len(chunk) > self.end - self.position:
                chunk = chunk[: self.end - self.position]
            self.position += len(chunk)
            return chunk
        self._path.tokens.refund()
        return b""

    async def _read(self) -> bytes:
        if self._response is None:
            self._response = await (self._starting or self._start())
            self._starting = None
        if chunk := await self._response.read():
            return chunk
        raise Interrupted("the body ended early", retry_now=True)

    def stop(self) -> None:
        """Give back the memory, and cancel a request that is being sent."""
        self._path.memory.give(self._memory)
        self._memory = 0
        if self._starting is not None:
            self._starting.cancel()

    async def close(self) -> None:
        """Give back the memory and the connection."""
        self.stop()
        if self._starting is not None:
            if not self._starting.done():
                await asyncio.wait((self._starting,))
            if not self._starting.cancelled() and self._starting.exception() is None:
                self._response = self._starting.result()
        await self._leave()

    async def _start(self) -> Response:
        while True:
            try:
                response, plan = await self._path.gets.get(
                    self._version,
                    Span(self.position, self.end - self.position),
                    buffer_bytes=self._memory,
                    fresh_connection=self._failures > 0,
                )
            except Interrupted as trouble:
                await self._recover(trouble)
                continue
            if plan.whole:
                self.end = self._read_end
            return response

    async def _recover(self, trouble: Interrupted) -> None:
        """Wait until the rest may be requested again. Raises StorageError if it may not."""
        await self._leave()
        self._path.gets.traffic.failed += 1
        self._failures += 1
        if isinstance(trouble, UnexpectedResponse):
            self._unexpected_responses += 1
            if self._unexpected_responses > 1:  # the first may be a proxy's mistake; a second one is the server's
                raise trouble.error
        if self._failures > self._path.options.retries or not self._path.tokens.take():
            if isinstance(trouble, UnexpectedResponse):
                raise trouble.error
            raise StorageUnavailable(
                self._version.key, f"{trouble} (byte {self.position}, failure {self._failures})"
            ) from trouble
        if self._failures > 1 or not trouble.retry_now:
            await asyncio.sleep(pause_seconds(self._failures, self._path.chance))

    async def _leave(self) -> None:
        response, self._response = self._response, None
        if response is not None:
            await response.leave()


class Read:
    """Reads the bytes from `start` to `end`, in order. The caller must `close` it in any case."""

    def __init__(self, path: ReadPath, version: ObjectVersion, start: int, end: int) -> None:
        self._path = path
        self._version = version
        self._start = start
        self._position = start
        self._end = end
        self._is_to_the_end = end == version.stat.size
        self._limit = first_limit(path.options, end - start, is_to_the_end=self._is_to_the_end)
        # The limit has grown by what the reader took up to here, until then.
        self._counted_to, self._counted_at = start, asyncio.get_running_loop().time()
        self._windows: deque[Window] = deque()

    async def next_chunk(self) -> bytes:
        """The next bytes; empty at the end. Raises StorageError."""
        while True:
            if not self._windows:
                if self._position >= self._end:
                    return b""
                self._windows.append(await self._open())
            self._look_ahead()
            if chunk := await self._windows[0].next_chunk():
                return chunk
            await self._finish(self._windows.popleft())

    async def close(self) -> None:
        """Give back all memory and connections."""
        if not self._windows:
            return
        for window in self._windows:
            window.stop()
        async with AsyncExitStack() as stack:
            for window in self._windows:
                stack.push_async_callback(window.close)

    def _look_ahead(self) -> None:
        """Request windows up to the read-ahead limit, as far as there are spare memory and connections."""
        while (start := self._windows[-1].end) < self._end:
            size = min(self._window_bytes(), self._end - start)
            position = self._windows[0].position
            is_wanted = is_within_limit(self._limit, start - position, size, is_cautious=self._is_cautious(position))
            if not (is_wanted and self._path.take_spare(size)):
                return
            window = Window(self._path, self._version, Span(start, size), self._end)
            window.start_soon()
            self._windows.append(window)

    def _window_bytes(self) -> int:
        is_far = self._path.gets.is_far
        return window_bytes(self._path.options, self._limit, is_far=is_far, is_to_the_end=self._is_to_the_end)

    def _is_cautious(self, position: int) -> bool:
        is_far = self._path.gets.is_far
        return is_cautious(position - self._start, is_far=is_far, is_to_the_end=self._is_to_the_end)

    async def _finish(self, window: Window) -> None:
        self._position = window.end
        if not self._is_cautious(window.end):
            now = asyncio.get_running_loop().time()
            taken, seconds = window.end - self._counted_to, now - self._counted_at
            self._counted_to, self._counted_at = window.end, now
            self._limit = following_limit(
                self._path.options, self._limit, taken=taken, seconds=seconds, is_far=self._path.gets.is_far
            )
        await window.close()

    async def _open(self) -> Window:
        """A window to read now; smaller if memory is short. Waits for memory if none is free. Raises StorageError."""
        options, memory = self._path.options, self._path.memory
        wanted = min(self._window_bytes(), self._end - self._position)
        if not memory.has_spare(wanted):
            wanted = min(wanted, options.window_initial_bytes)
        try:
            granted = await memory.take(wanted, least=LEAST_WINDOW_BYTES, wait_seconds=options.pool_timeout_seconds)
        except TimeoutError:
            raise StorageUnavailable(
                self._version.key, f"no buffer memory was free for {options.pool_timeout_seconds} s"
            ) from None
        return Window(self._path, self._version, Span(self._position, granted), self._end)
