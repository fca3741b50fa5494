"""A proxy that cuts connections between client and gateway after given numbers of bytes."""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager, suppress

CHUNK_BYTES = 64 * 1024


class Cutter:
    """Passes bytes on to the gateway at `port`; each of `budgets` is how many go up before the next cut."""

    def __init__(self, port: int, budgets: Iterable[int]) -> None:
        self._port = port
        self._budgets = list(budgets)
        self.cuts = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", self._port)
        ways = (self._pass_up(reader, up_writer), self._pass_down(up_reader, writer))
        tasks = [asyncio.create_task(way) for way in ways]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        # A reset would throw away what the gateway has not read yet: it reads the end after the last byte instead.
        up_writer.close()
        writer.transport.abort()
        await asyncio.wait(tasks)

    async def _pass_up(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while chunk := await reader.read(CHUNK_BYTES):
                writer.write(chunk)
                await writer.drain()
                if self._budgets and self._spend(len(chunk)):
                    return

    @staticmethod
    async def _pass_down(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while chunk := await reader.read(CHUNK_BYTES):
                writer.write(chunk)
                await writer.drain()

    def _spend(self, count: int) -> bool:
        self._budgets[0] -= count
        if self._budgets[0] > 0:
            return False
        self._budgets.pop(0)
        self.cuts += 1
        return True


@asynccontextmanager
async def cutter(port: int, budgets: Iterable[int]) -> AsyncGenerator[tuple[Cutter, int], None]:
    """The proxy and the port that it listens on."""
    cutting = Cutter(port, budgets)
    async with await asyncio.start_server(cutting.serve, "127.0.0.1", 0) as server:
        yield cutting, server.sockets[0].getsockname()[1]
