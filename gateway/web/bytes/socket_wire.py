"""Writes straight to the socket of a plain connection, by the kernel's `sendfile`.

uvloop has no `loop.sendfile`, so `os.write` and `os.sendfile` are called on the transport's own non-blocking socket.
That is sound while three things hold, which are checked before each call:

1. The transport's write buffer is empty. Otherwise bytes would overtake it.
2. The transport is not closing. Otherwise the descriptor's number may belong to another connection.
3. Nothing is awaited between the check and the system call.

Readiness is awaited on a `dup` of the descriptor, because a loop refuses to watch a transport's own.

Windows of a file, and the bytes that may wait unsent in the kernel, grow with what the client has taken of the answer: a
client that seeks away after a short while wastes little, and a download needs few system calls and waits.
"""

import asyncio
import os
import socket
import time
from asyncio.trsock import TransportSocket
from functools import partial
from typing import Final

from gateway.web.bytes.loop_turns import LoopTurns
from storage_adapters import threads
from storage_adapters.base import FilePiece, ObjectChanged, StorageUnavailable
from storage_adapters.page_cache import is_resident, read_ahead

FIRST_WINDOW_BYTES: Final = 256 * 1024
"""How much of a file is asked of the kernel at first; each window that the socket takes whole doubles the next."""
MAX_WINDOW_BYTES: Final = 4 * 1024 * 1024

MIN_UNSENT_BYTES: Final = 1024 * 1024
MAX_UNSENT_BYTES: Final = 4 * 1024 * 1024
"""From MIN_UNSENT_BYTES on, a client may have as much unsent as it has been sent of the answer. These are pages of the
file, not copies; more of them save most waits for the socket."""

# Pages that were in the cache this long ago may have been evicted since.
_RESIDENT_SECONDS: Final = 0.25


class Stalled(Exception):
    """The client has read nothing for longer than the stall time-out."""


def closed() -> ConnectionResetError:
    """What a wire raises when its connection is closed."""
    return ConnectionResetError("the connection was closed")


def send_now(fd: int, head: bytes, piece: FilePiece | None) -> int:
    """Send what the socket `fd` takes without waiting, and return how many bytes that were.

    The caller checks the three conditions above. Errors are not reported: the stream that sends the rest meets them again.
    """
    sent = 0
    try:
        sent = os.write(fd, head)
        if sent == len(head) and piece is not None:
            file_fd, offset, length = piece
            sent += os.sendfile(fd, file_fd, offset, length)
    except OSError:
        pass
    return sent


class SocketWire:
    """A Wire straight to the socket, which has taken `sent` bytes of the answer already; `is_full`: and takes no more now."""

    def __init__(
        self,
        transport: asyncio.Transport,
        sock: TransportSocket,
        stall_timeout_seconds: float,
        turns: LoopTurns,
        sent: int = 0,
        *,
        is_full: bool = False,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport = transport
        self._socket = sock
        self._fd = sock.fileno()
        self._turns = turns
        self._window = FIRST_WINDOW_BYTES
        self._unsent_limit = MIN_UNSENT_BYTES
        self._usual_unsent: int | None = None
        self._stall_timeout = stall_timeout_seconds
        self._duplicate: socket.socket | None = None
        self._is_full = is_full
        self.sent = sent

    async def write(self, data: bytes) -> None:
        self._limit_unsent()
        rest: bytes | memoryview = data
        while True:
            if self._turns.left <= 0:
                await self._turns.wait(len(rest))
            if self._transport.is_closing():
                raise closed()
            try:
                written = os.write(self._fd, rest)
            except BlockingIOError:
                await self._writable()
                continue
            self._count(written)
            if written == len(rest):
                return
            rest = memoryview(rest)[written:]

    async def send_file(self, before: bytes, piece: FilePiece) -> None:
        fd, offset, length = piece
        resident_until, asked_at = offset, 0.0
        if self._is_full:
            # Most clients that seek away do it here: nothing is asked of the disk or the socket for them.
            await self._writable()
            self._is_full = False
        while length:
            window = min(length, self._window)
            if offset + window > resident_until or time.monotonic() - asked_at > _RESIDENT_SECONDS:
                if not is_resident(fd, offset, window):
                    await _make_resident(fd, offset, window)
                resident_until, asked_at = offset + window, time.monotonic()
            if before:
                await self.write(before)
                before = b""
            if self._turns.left <= 0:
                await self._turns.wait(window)
            if self._transport.is_closing():
                raise closed()
            try:
                sent = os.sendfile(self._fd, fd, offset, window)
            except BlockingIOError:
                await self._writable()
                continue
            if sent == 0:
                raise ObjectChanged("", f"the file ends before byte {offset}")
            self._count(sent)
            offset += sent
            length -= sent
            self._grow(took_all=sent == window, left=length)

    def _count(self, sent: int) -> None:
        self.sent += sent
        self._turns.spend(sent)

    def _grow(self, *, took_all: bool, left: int) -> None:
        if took_all and self._window < MAX_WINDOW_BYTES:
            self._window *= 2
        if self.sent >= self._unsent_limit <= MAX_UNSENT_BYTES and left:
            while self._unsent_limit <= min(self.sent, MAX_UNSENT_BYTES):
                self._unsent_limit *= 2
            self._allow_unsent(self._unsent_limit // 2)

    def _allow_unsent(self, limit: int) -> None:
        if self._socket.family != socket.AF_UNIX:
            own = self._own_socket()
            if self._usual_unsent is None:
                self._usual_unsent = own.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT)
            own.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, limit)

    def _limit_unsent(self) -> None:
        """Set the usual limit again: for bytes that are copied, and for the next answer."""
        if self._usual_unsent is not None:
            self._own_socket().setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, self._usual_unsent)
            self._usual_unsent = None
            self._unsent_limit = MIN_UNSENT_BYTES

    def _own_socket(self) -> socket.socket:
        """A duplicate of the transport's socket, open until `close`."""
        if self._duplicate is None:
            usual = self._socket
            self._duplicate = socket.socket(usual.family, usual.type, usual.proto, fileno=os.dup(self._fd))
        return self._duplicate

    async def _writable(self) -> None:
        """Wait until the socket takes more; raises Stalled if it does not for the stall time-out."""
        fd = self._own_socket().fileno()
        ready: asyncio.Future[None] = self._loop.create_future()
        self._loop.add_writer(fd, _resolve, ready)
        stalled = self._loop.call_later(self._stall_timeout, _fail, ready)
        try:
            await ready
        finally:
            stalled.cancel()
            self._loop.remove_writer(fd)

    def abort(self) -> None:
        # The duplicate is closed first: the connection stays open as long as it does.
        self.close()
        self._transport.abort()

    def close(self) -> None:
        if self._duplicate is not None:
            self._limit_unsent()
            self._duplicate.close()
            self._duplicate = None


def _resolve(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)


def _fail(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_exception(Stalled())


async def _make_resident(fd: int, offset: int, length: int) -> None:
    """Read cold pages in a thread: `sendfile` on them would block the event loop until the disk has them."""
    try:
        await threads.run(partial(read_ahead, fd, offset, length))
    except OSError as error:
        # The disk's error, not the connection's.
        raise StorageUnavailable("", str(error)) from error
