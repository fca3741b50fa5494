"""One window of a read: asked for once, resumed at the exact byte until all of it came.

Knows: retries, and how fast the reader takes it. Refuses to know: the other windows, and HTTP.
"""

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from storage_adapters.base import StorageUnavailable
from storage_adapters.s3.answers import Span
from storage_adapters.s3.bodies import Body
from storage_adapters.s3.budget import Budget
from storage_adapters.s3.errors import Interrupted
from storage_adapters.s3.gets import ObjectVersion, RangedGets
from storage_adapters.s3.options import S3Options
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
