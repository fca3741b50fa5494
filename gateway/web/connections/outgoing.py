"""Sends bytes on a connection whose socket is written to directly.

The event loop refuses to watch a socket that a transport owns. When the socket is full, the next few bytes are
therefore handed over to the transport, which sends them as soon as the socket takes more.
"""

import asyncio
import fcntl
import socket
import struct
import termios
from asyncio.trsock import TransportSocket
from collections.abc import Callable


class Stalled(Exception):
    """The client has read nothing for longer than the stall time-out."""


def closed() -> ConnectionResetError:
    """The exception that sending raises when the connection is closed."""
    return ConnectionResetError("the connection was closed")


class StallTimer:
    """Calls `on_stall` once the client has taken nothing for `seconds`: `unacknowledged` returned the same number twice.

    A client that takes a little is not stalled: it may need minutes for the bytes in the kernel.
    """

    __slots__ = ("_before", "_loop", "_on_stall", "_seconds", "_timer", "_unacknowledged")

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        unacknowledged: Callable[[], int],
        seconds: float,
        on_stall: Callable[[Stalled], None],
    ) -> None:
        self._loop = loop
        self._unacknowledged = unacknowledged
        self._seconds = seconds
        self._on_stall = on_stall
        self._before = unacknowledged()
        self._timer = loop.call_later(seconds, self._check)

    def cancel(self) -> None:
        self._timer.cancel()

    def _check(self) -> None:
        before, self._before = self._before, self._unacknowledged()
        if self._before == before:
            self._on_stall(Stalled())
        else:
            self._timer = self._loop.call_later(self._seconds, self._check)


def _unacknowledged_bytes(fd: int) -> int:
    """How many bytes the client has not acknowledged; 0 if the kernel does not report it."""
    try:
        queued: bytes = fcntl.ioctl(fd, termios.TIOCOUTQ, bytes(4))
    except OSError:
        return 0
    count: int = struct.unpack("i", queued)[0]
    return count


class UnsentLimit:
    """How many bytes may wait unsent in the kernel for one connection (TCP_NOTSENT_LOWAT)."""

    __slots__ = ("_allowed", "_default", "_socket")

    def __init__(self, sock: TransportSocket) -> None:
        self._socket = sock
        self._default: int | None = None
        self._allowed = 0

    def allow(self, limit: int) -> None:
        """Let at least this many bytes wait: they are pages of the page cache, not copies."""
        if limit <= self._allowed or self._socket.family == socket.AF_UNIX:
            return
        if self._default is None:
            self._default = self._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT)
        self._set(limit)

    def restore(self) -> None:
        """Set the default limit again, for bytes that the kernel copies."""
        if self._default is not None:
            self._set(self._default)
            self._default, self._allowed = None, 0

    def _set(self, limit: int) -> None:
        self._allowed = limit
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, limit)


class Outgoing:
    """Sends on one connection, whose protocol calls `settle` when writing resumes or the connection is lost."""

    __slots__ = ("_flushed", "_loop", "_stall_seconds", "_stall_timer", "fd", "transport", "unsent")

    def __init__(self, loop: asyncio.AbstractEventLoop, transport: asyncio.Transport, stall_seconds: float) -> None:
        sock = transport.get_extra_info("socket")
        self._loop = loop
        self._stall_seconds = stall_seconds
        self._stall_timer: StallTimer | None = None
        self._flushed: asyncio.Future[None] | None = None
        self.transport = transport
        self.fd: int = sock.fileno()
        self.unsent = UnsentLimit(sock)

    @property
    def is_timed(self) -> bool:
        """Whether a StallTimer runs, because the transport holds bytes that were handed over."""
        return self._stall_timer is not None

    def limit_unsent(self) -> None:
        """Restore the default limit of unsent bytes, unless the descriptor may belong to another connection already."""
        if not self.transport.is_closing():
            self.unsent.restore()

    def hand_over(self, data: bytes | memoryview) -> "asyncio.Future[None]":
        """Let the transport send what the socket did not take. The future is done when the kernel has taken it all.

        It fails with Stalled, or with a ConnectionError if the connection is lost first.
        """
        flushed: asyncio.Future[None] = self._loop.create_future()
        self.transport.set_write_buffer_limits(0)
        self.transport.write(data)
        if self.transport.is_closing():
            flushed.set_exception(closed())
        elif self.transport.get_write_buffer_size():
            self._flushed = flushed
            self._stall_timer = StallTimer(self._loop, self._unacknowledged, self._stall_seconds, self.settle)
        else:
            flushed.set_result(None)
        return flushed

    def _unacknowledged(self) -> int:
        """The bytes that the client has not taken. Those of the transport count too: it refills the socket from them."""
        return _unacknowledged_bytes(self.fd) + self.transport.get_write_buffer_size()

    def settle(self, error: Exception | None = None) -> None:
        """Complete the future that `hand_over` returned, if one is pending."""
        flushed, self._flushed = self._flushed, None
        if self._stall_timer is not None:
            self._stall_timer.cancel()
            self._stall_timer = None
        if flushed is None or flushed.done():
            return
        if error is None:
            flushed.set_result(None)
        else:
            flushed.set_exception(error)
