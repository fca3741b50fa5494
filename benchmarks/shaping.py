"""A proxy that makes a near server a far one: each request waits, each connection has a most of bytes a second.

Knows: sockets, the clock, how many bytes it passed on. Refuses to know: HTTP, but for this: what a client sends while
nothing is owed to it is a request, and comes in one piece.
"""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from time import monotonic
from typing import Final

from benchmarks.processes import HOST

_BLOCK_BYTES: Final = 32 * 1024
_SETTLED_SECONDS: Final = 0.3


@dataclass(slots=True)
class Shaping:
    """`passed_on` counts the bytes of answers, `asked` requests; without a delay and a rate it only counts."""

    upstream_port: int
    delay_seconds: float = 0.0
    bytes_per_second: float | None = None
    port: int = 0
    passed_on: int = 0
    asked: int = 0
    last_at: float = 0.0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until either side ends it."""
        with suppress(OSError):
            there, back = await asyncio.open_connection(HOST, self.upstream_port)
            answers = asyncio.create_task(self._answers(there, writer))
            try:
                with suppress(OSError):
                    await self._requests(reader, back)
            finally:
                answers.cancel()
                back.transport.abort()
                writer.transport.abort()

    async def _requests(self, reader: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        while request := await reader.read(_BLOCK_BYTES):
            self.asked += 1
            await asyncio.sleep(self.delay_seconds)
            back.write(request)
            await back.drain()

    async def _answers(self, there: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        due = monotonic()
        with suppress(OSError):
            while block := await there.read(_BLOCK_BYTES):
                writer.write(block)
                await writer.drain()
                self.passed_on += len(block)
                self.last_at = monotonic()
                if self.bytes_per_second:
                    due = max(due, monotonic()) + len(block) / self.bytes_per_second
                    await asyncio.sleep(due - monotonic())
        writer.transport.abort()

    def is_settled(self) -> bool:
        """Whether nothing has been passed on for a while."""
        return monotonic() - self.last_at > _SETTLED_SECONDS


@contextmanager
def shaped(
    upstream_port: int, *, delay_seconds: float = 0.0, bytes_per_second: float | None = None
) -> Iterator[Shaping]:
    """The proxy, in a thread of its own, until the block ends."""
    proxy = Shaping(upstream_port, delay_seconds, bytes_per_second)
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="shaping")
    thread.start()
    try:
        server = asyncio.run_coroutine_threadsafe(asyncio.start_server(proxy.serve, HOST, 0), loop).result()
        proxy.port = server.sockets[0].getsockname()[1]
        yield proxy
    finally:
        asyncio.run_coroutine_threadsafe(_end(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _end() -> None:
    """Cancel what runs in this loop."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
