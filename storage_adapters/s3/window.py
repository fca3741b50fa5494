"""One window of a read: asked for once, resumed at the exact byte until all of it came.

Knows: retries, and for how long the reader has been taking it. Refuses to know: the other windows, and HTTP.
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from storage_adapters.base import StorageUnavailable
from storage_adapters.s3.answers import Span
from storage_adapters.s3.bodies import Body
from storage_adapters.s3.budget import Budget
from storage_adapters.s3.error_codes import Interrupted
from storage_adapters.s3.gets import ObjectVersion, RangedGets
from storage_adapters.s3.retries import RetryTokens, pause_seconds
from storage_adapters.storage_options import S3Options


@dataclass(frozen=True, slots=True)
class ReadPath:
    """What all readers of one storage share."""

    options: S3Options
    gets: RangedGets
    memory: Budget
    tokens: RetryTokens
    chance: Callable[[], float] = field(default=random.random)

    def take_spare(self, length: int) -> bool:
        """Take this much memory if that leaves enough of it, and of connections, to others; never waits."""
        return self.gets.has_spare_connection() and self.memory.take_spare(length)


class Window:
    """One stretch of the object: asked for once, resumed until all of it came, or a StorageError."""

    def __init__(self, path: ReadPath, version: ObjectVersion, span: Span, reach: int) -> None:
        self.position = span.offset
        self.end = span.end
        self.length = span.length
        self._path = path
        self._version = version
        self._reach = reach  # how far a server that ignores Range may stretch this window: the read's end
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
        while self.position < self.end:
            body = await self._started()
            try:
                chunk = await body.next_chunk(self.end - self.position)
            except Interrupted as trouble:
                await self._recover(trouble)
                continue
            self.position += len(chunk)
            return chunk
        self._path.tokens.refund()
        return b""

    def seconds_taken(self) -> float:
        """For how long the reader has been taking it."""
        return 0.0 if self._taken_since is None else asyncio.get_running_loop().time() - self._taken_since

    def stop(self) -> None:
        """Give back memory, and ask for nothing more."""
        self._path.memory.give(self._memory)
        self._memory = 0
        if self._starting is not None:
            self._starting.cancel()

    async def close(self) -> None:
        """Give back memory and connection, at once."""
        self.stop()
        if self._starting is not None:
            if not self._starting.done():
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
                    Span(self.position, self.end - self.position),
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
        self._path.gets.traffic.failed += 1
        self._failures += 1
        if self._failures > self._path.options.retries or not self._path.tokens.take():
            raise StorageUnavailable(
                self._version.key, f"{trouble} (byte {self.position}, failure {self._failures})"
            ) from trouble
        if self._failures > 1 or not trouble.at_once:
            await asyncio.sleep(pause_seconds(self._failures, self._path.chance))

    async def _leave(self) -> None:
        body, self._body = self._body, None
        if body is not None:
            await body.leave()
