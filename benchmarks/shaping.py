"""A TCP proxy that makes a near server look far away: it delays each request and limits the bytes a second of each connection.

It does not parse HTTP. It relies on each request arriving in one piece, on a connection that awaits no response.
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
class ShapingProxy:
    """A proxy that counts `requests` and `response_bytes`; without a delay and a rate it does nothing else."""

    upstream_port: int
    delay_seconds: float = 0.0
    bytes_per_second: float | None = None
    port: int = 0
    response_bytes: int = 0
    requests: int = 0
    last_at: float = 0.0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until either side closes it."""
        with suppress(OSError):
            from_upstream, to_upstream = await asyncio.open_connection(HOST, self.upstream_port)
            responses = asyncio.create_task(self._responses(from_upstream, writer))
            try:
                with suppress(OSError):
                    await self._requests(reader, to_upstream)
            finally:
                responses.cancel()
                to_upstream.transport.abort()
                writer.transport.abort()

    async def _requests(self, reader: asyncio.StreamReader, to_upstream: asyncio.StreamWriter) -> None:
        while request := await reader.read(_BLOCK_BYTES):
            self.requests += 1
            await asyncio.sleep(self.delay_seconds)
            to_upstream.write(request)
            await to_upstream.drain()

    async def _responses(self, from_upstream: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        due = monotonic()
        with suppress(OSError):
            while block := await from_upstream.read(_BLOCK_BYTES):
                writer.write(block)
                await writer.drain()
                self.response_bytes += len(block)
                self.last_at = monotonic()
                if self.bytes_per_second:
                    due = max(due, monotonic()) + len(block) / self.bytes_per_second
                    await asyncio.sleep(due - monotonic())
        writer.transport.abort()

    def is_settled(self) -> bool:
        """Whether no byte has been passed on for a while."""
        return monotonic() - self.last_at > _SETTLED_SECONDS


@contextmanager
def shaped(
    upstream_port: int, *, delay_seconds: float = 0.0, bytes_per_second: float | None = None
) -> Iterator[ShapingProxy]:
    """Run the proxy in its own thread until the block ends."""
    proxy = ShapingProxy(upstream_port, delay_seconds, bytes_per_second)
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
    """Cancel all other tasks of this event loop."""
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
