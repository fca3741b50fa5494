"""Wires write bytes to a connection: straight to the socket where that is possible, else through the transport."""

import asyncio
import os
from functools import partial
from typing import Final, Protocol

from aiohttp import web

from gateway.web.bytes.loop_turns import LoopTurns
from gateway.web.bytes.socket_wire import SocketWire
from gateway.web.connections.client_connection import ClientConnection
from gateway.web.connections.outgoing import Stalled, closed
from storage_adapters import threads
from storage_adapters.base import FilePiece, ObjectChanged, StorageUnavailable


class Wire(Protocol):
    """Writes to one client. Errors of the connection are OSError; Stalled is a time-out."""

    sent: int
    """The number of bytes handed to the kernel or the transport so far."""

    async def write(self, data: bytes) -> None:
        """Hand all of `data` over."""

    async def send_file(self, before: bytes, piece: FilePiece) -> None:
        """Hand over `before`, then the whole piece.

        Raises StorageUnavailable before anything is sent if its first bytes cannot be read, ObjectChanged if the
        file ends early.
        """

    def abort(self) -> None:
        """Cut the connection, so that nothing sent so far can look complete."""

    def close(self) -> None:
        """Free what the wire itself holds; the connection stays open."""


def open_wire(
    request: web.Request, transport: asyncio.Transport, stall_timeout_seconds: float, turns: LoopTurns
) -> Wire:
    """The fastest wire that this connection allows now."""
    connection, encrypted = request.protocol, transport.get_extra_info("sslcontext") is not None
    if encrypted or not isinstance(connection, ClientConnection) or transport.get_write_buffer_size():
        return TransportWire(request, transport, stall_timeout_seconds)
    return SocketWire(connection.outgoing, turns)


# The transport holds up to one piece, and what it has encrypted of the piece before. Pieces start at this size, so that
# a client that reads nothing costs little, and grow with what the client has taken: larger ones cost less CPU time.
_FIRST_PIECE_BYTES: Final = 64 * 1024
_MAX_PIECE_BYTES: Final = 256 * 1024
_SENT_FOR_EACH_BYTE: Final = 16


class TransportWire:
    """Through the transport's buffer: for TLS, and after bytes that are still in that buffer."""

    def __init__(self, request: web.Request, transport: asyncio.Transport, stall_timeout_seconds: float) -> None:
        self._writer = request.writer
        self._transport = transport
        # The event loop would hold 512 KiB more for TLS.
        self._transport.set_write_buffer_limits(_FIRST_PIECE_BYTES)
        self._stall_timeout = stall_timeout_seconds
        self.sent = 0

    async def write(self, data: bytes) -> None:
        if self._transport.is_closing():
            raise closed()
        self._transport.write(data)
        self.sent += len(data)
        try:
            async with asyncio.timeout(self._stall_timeout):
                await self._writer.drain()
        except TimeoutError:
            raise Stalled from None

    async def send_file(self, before: bytes, piece: FilePiece) -> None:
        fd, offset, length = piece
        while length:
            chunk = await _read(fd, offset, min(length, self._piece_bytes()))
            if not chunk:
                raise ObjectChanged("", f"the file ends before byte {offset}")
            await self.write(before + chunk)
            before = b""
            offset += len(chunk)
            length -= len(chunk)

    def _piece_bytes(self) -> int:
        return min(max(_FIRST_PIECE_BYTES, self.sent // _SENT_FOR_EACH_BYTE), _MAX_PIECE_BYTES)

    def abort(self) -> None:
        self._transport.abort()

    def close(self) -> None:
        """Nothing is held."""


async def _read(fd: int, offset: int, length: int) -> bytes:
    try:
        return await threads.run(partial(os.pread, fd, length, offset))
    except OSError as error:
        raise StorageUnavailable("", str(error)) from error
