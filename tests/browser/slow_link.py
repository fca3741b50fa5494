"""A slow link to a gateway, which records the heads of requests and forwards the bytes of responses at its own pace.

Each request gets an `X-Request-Id`, which also identifies it in the gateway's access log. The kernel's buffers are
small: on loopback they would otherwise take a whole recording immediately.
"""

import asyncio
import socket
from collections.abc import AsyncGenerator, Mapping
from contextlib import ExitStack, asynccontextmanager, suppress
from email.parser import BytesHeaderParser
from typing import Final

from tests.gateway_process import Gateway

BUFFER_BYTES: Final = 16 * 1024


class SlowLink:
    """`requests` are the fields of each request in the order of arrival, with the `X-Request-Id` that it got; clients use
    `url` in place of the gateway's.

    `carried` is how many bytes of responses went over the link.
    """

    def __init__(self, site: Gateway, listener: socket.socket, bytes_per_second: int) -> None:
        self._site = site
        self._bytes_per_second = bytes_per_second
        self._listener = listener
        self._clients: list[socket.socket] = []
        self._carried: set[asyncio.Task[None]] = set()
        self.url = "http://{}:{}".format(*listener.getsockname())
        self.requests: list[Mapping[str, str]] = []
        self.carried = 0

    def accept(self) -> None:
        """Accept and forward another connection, unless its client has already closed it."""
        try:
            client, _ = self._listener.accept()
        except BlockingIOError:
            return
        self._clients.append(client)
        self._carried.add(asyncio.create_task(self._carry(client)))

    async def cut(self) -> None:
        """Abort every connection."""
        for task in self._carried:
            task.cancel()
        await asyncio.wait(self._carried)
        for client in self._clients:
            client.close()

    async def _carry(self, client: socket.socket) -> None:
        with ExitStack() as stack:
            reader, writer = await _open(client, stack)
            upstream, downstream = await self._connect(stack)
            ways = [
                asyncio.create_task(self._hand_on(reader, downstream)),
                asyncio.create_task(self._hand_back(upstream, writer)),
            ]
            for way in ways:
                stack.callback(way.cancel)
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)

    async def _connect(self, stack: ExitStack) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        upstream = _small(socket.socket(), socket.SO_RCVBUF)
        stack.callback(upstream.close)
        upstream.setblocking(False)  # noqa: FBT003 - the standard library takes it so
        await asyncio.get_running_loop().sock_connect(upstream, (self._site.host, self._site.port))
        return await _open(upstream, stack)

    async def _hand_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while head := await reader.readuntil(b"\r\n\r\n"):
                _, port = self._listener.getsockname()
                head = head[:-2] + b"X-Request-Id: %d-%d\r\n\r\n" % (port, len(self.requests))
                self.requests.append(dict(BytesHeaderParser().parsebytes(head.partition(b"\r\n")[2]).items()))
                writer.write(head)
                await writer.drain()

    async def _hand_back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while piece := await reader.read(BUFFER_BYTES):
                writer.write(piece)
                await writer.drain()
                self.carried += len(piece)
                await asyncio.sleep(len(piece) / self._bytes_per_second)


async def _open(connected: socket.socket, stack: ExitStack) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """The socket as streams, closed with the stack."""
    reader, writer = await asyncio.open_connection(sock=connected, limit=BUFFER_BYTES)
    stack.callback(writer.transport.abort)
    return reader, writer


def _small(of: socket.socket, buffer: int) -> socket.socket:
    """The socket, with one of its buffers made small."""
    of.setsockopt(socket.SOL_SOCKET, buffer, BUFFER_BYTES)
    return of


@asynccontextmanager
async def slow_link(site: Gateway, bytes_per_second: int) -> AsyncGenerator[SlowLink]:
    """A link at a new address, whose connections are aborted at the end; each carries that much.

    It accepts connections itself: asyncio's servers lose one that arrives while they close, and browsers connect at any time.
    """
    loop = asyncio.get_running_loop()
    with _small(socket.create_server(("127.0.0.1", 0)), socket.SO_SNDBUF) as listener:
        listener.setblocking(False)  # noqa: FBT003 - the standard library takes it so
        link = SlowLink(site, listener, bytes_per_second)
        loop.add_reader(listener, link.accept)
        try:
            yield link
        finally:
            loop.remove_reader(listener)
        await link.cut()
