"""Straight to the socket of a plain connection, by the kernel's own `sendfile`.

Knows: sockets, `sendfile`, write readiness, page residency. Refuses to know: HTTP.

uvloop has no `loop.sendfile`, so `os.write` and `os.sendfile` are called on the transport's own non-blocking
socket. That is sound while three things hold, and they are checked at every turn:
    1. the transport's write buffer is empty (else bytes would overtake it);
    2. the transport is not closing (else the descriptor's number may belong to another connection);
    3. nothing is awaited between the check and the system call.
Readiness is awaited on a `dup` of the descriptor, because a loop refuses to watch a transport's own.
"""

import asyncio
import os
import socket
from asyncio.trsock import TransportSocket
from typing import Final

from storage_adapters.base import FilePiece, ObjectChanged, StorageUnavailable
from storage_adapters.page_cache import is_resident, read_ahead

# How much one connection may send before others get their turn, also when its socket never fills.
TURN_BYTES: Final = 512 * 1024
AT_ONCE_BYTES: Final = 2 * TURN_BYTES
"""The longest body that is sent without a turn for others: the socket seldom takes much more than one turn's worth."""
WINDOW_BYTES: Final = 256 * 1024
"""How much of a file is asked of the kernel at once; cold pages are read ahead in pieces of this size."""

DOWNLOAD_BYTES: Final = 4 * 1024 * 1024
"""Who has been sent so much of one answer from files goes on reading, and may have as much again wait unsent: pages of
the file, not copies. It saves most of the waiting for the socket. Who seeks away has mostly had less, and wastes less."""


class Stalled(Exception):
    """The client has not read for longer than it may."""


def closed() -> ConnectionResetError:
    """What a wire raises whose connection is gone."""
    return ConnectionResetError("the connection was closed")


def send_at_once(fd: int, head: bytes, piece: FilePiece) -> int:
    """Send what the socket `fd` takes without waiting: the number of bytes it took.

    The three conditions above are the caller's, and that the piece has AT_ONCE_BYTES at most. Trouble is not told: who
    goes on with the rest meets it again.
    """
    file_fd, offset, length = piece
    sent = 0
    try:
        sent = os.write(fd, head)
        if sent == len(head):
            sent += os.sendfile(fd, file_fd, offset, length)
    except OSError:
        pass
    return sent


class SocketWire:
    """Straight to the socket of a plain connection."""

    def __init__(self, transport: asyncio.Transport, sock: TransportSocket, stall_timeout_seconds: float) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport = transport
        self._socket = sock
        self._fd = sock.fileno()
        self._usual_unsent: int | None = None
        self._stall_timeout = stall_timeout_seconds
        self._watched: int | None = None
        self._turn = 0
        self.sent = 0

    async def write(self, data: bytes) -> None:
        self._limit_unsent()
        rest: bytes | memoryview = data
        while True:
            if self._turn >= TURN_BYTES:
                await self._end_turn()
            if self._transport.is_closing():
                raise closed()
            try:
                written = os.write(self._fd, rest)
            except BlockingIOError:
                await self._writable()
                continue
            self.sent += written
            self._turn += written
            if written == len(rest):
                return
            rest = memoryview(rest)[written:]

    async def send_file(self, before: bytes, piece: FilePiece) -> None:
        fd, offset, length = piece
        while length:
            window = min(length, WINDOW_BYTES)
            if not is_resident(fd, offset, window):
                await _make_resident(fd, offset, window)
            if before:
                await self.write(before)
                before = b""
            if self._turn >= TURN_BYTES:
                await self._end_turn()
            if self._transport.is_closing():
                raise closed()
            try:
                sent = os.sendfile(self._fd, fd, offset, window)
            except BlockingIOError:
                await self._writable()
                continue
            if sent == 0:
                raise ObjectChanged("", f"the file ends before byte {offset}")
            self.sent += sent
            self._turn += sent
            offset += sent
            length -= sent
            if self._usual_unsent is None and self.sent >= DOWNLOAD_BYTES:
                self._let_more_wait()

    def _let_more_wait(self) -> None:
        if self._socket.family != socket.AF_UNIX:
            self._usual_unsent = self._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, DOWNLOAD_BYTES)

    def _limit_unsent(self) -> None:
        """As it was: for what is copied, and for the next answer."""
        if self._usual_unsent is not None and not self._transport.is_closing():
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, self._usual_unsent)
            self._usual_unsent = None

    async def _end_turn(self) -> None:
        self._turn = 0
        await asyncio.sleep(0)

    async def _writable(self) -> None:
        if self._watched is None:
            self._watched = os.dup(self._fd)
        self._turn = 0
        ready: asyncio.Future[None] = self._loop.create_future()
        self._loop.add_writer(self._watched, _resolve, ready)
        try:
            async with asyncio.timeout(self._stall_timeout):
                await ready
        except TimeoutError:
            raise Stalled from None
        finally:
            self._loop.remove_writer(self._watched)

    def abort(self) -> None:
        # The duplicate goes first: while it is open, the connection is.
        self.close()
        self._transport.abort()

    def close(self) -> None:
        self._limit_unsent()
        if self._watched is not None:
            os.close(self._watched)
            self._watched = None


def _resolve(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


async def _make_resident(fd: int, offset: int, length: int) -> None:
    """Bring cold pages in on a thread: `sendfile` on them would stop the whole event loop."""
    try:
        await asyncio.to_thread(read_ahead, fd, offset, length)
    except OSError as error:
        # The disk's trouble, not the connection's.
        raise StorageUnavailable("", str(error)) from error
