"""Clients that are slow to take a response or to finish their request, and clients that may have disconnected."""

import asyncio
import socket
import struct
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from aiohttp import StreamReader, web

# After a response, what the client still sends of its request is read and dropped until it pauses for
# LINGER_PAUSE_SECONDS or has sent for LINGER_SECONDS. Closing with unread data resets the connection, which can destroy
# the response on its way (RFC 9112 section 9.6).
LINGER_PAUSE_SECONDS: Final = 1.0
LINGER_SECONDS: Final = 5.0
# A client can make such connections cheaply, by sending nothing but errors; they must not fill the memory.
MAX_LINGERERS: Final = 512

# A client that has closed its sending side may still wait for the response, or may have closed the whole connection:
# only sending to it shows which. If nothing is sent for this long (the storage backend is slow), it counts as closed.
HALF_CLOSED_SECONDS: Final = 3.0
# Linux's struct tcp_info: packets that are not acknowledged, ms since data were sent, bytes that are not sent.
_TCP_INFO: Final = struct.Struct("=24xI16xI96xI")

_CHECKS: Final = 4
"""How often a connection is checked within the time-out."""


class StallWatch:
    """Watches one transport while it has bytes to send, and aborts it once none of them was sent for `seconds`.

    While `is_timed`, a StallTimer watches these bytes instead: successive pieces of the same size look like no progress
    here.
    """

    __slots__ = ("_is_timed", "_progress_at", "_seconds", "_timer", "_transport", "_unsent")

    def __init__(self, transport: asyncio.Transport, seconds: float, is_timed: Callable[[], bool]) -> None:
        self._transport = transport
        self._seconds = seconds
        self._is_timed = is_timed
        self._timer: asyncio.TimerHandle | None = None
        self._unsent = 0
        self._progress_at = 0.0

    def start(self) -> None:
        """A response is about to be written."""
        if self._timer is None:
            self._unsent = 0
            self._check_later()

    def stop(self) -> None:
        """The connection is lost."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _check_later(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._seconds / _CHECKS, self._check)

    def _check(self) -> None:
        self._timer = None
        now = asyncio.get_running_loop().time()
        unsent = self._transport.get_write_buffer_size()
        if not unsent or self._is_timed():
            return
        if unsent != self._unsent:
            self._unsent, self._progress_at = unsent, now
        elif now - self._progress_at >= self._seconds:
            # A transport that aiohttp has closed already is aborted too: it would wait for its client forever.
            self._transport.abort()
            return
        self._check_later()


class SilenceWatch:
    """Watches a connection whose client has closed its sending side.

    Calls `cut` once nothing was sent to the client for HALF_CLOSED_SECONDS.
    """

    __slots__ = ("_cut", "_socket", "_timer")

    def __init__(self, transport: asyncio.Transport, cut: Callable[[], None]) -> None:
        self._socket: socket.socket = transport.get_extra_info("socket")
        self._cut = cut
        self._timer = asyncio.get_running_loop().call_later(HALF_CLOSED_SECONDS, self._check)

    def stop(self) -> None:
        """The connection is lost: watch no more."""
        self._timer.cancel()

    def _check(self) -> None:
        if self._is_silent():
            self._cut()
        else:
            self._timer = asyncio.get_running_loop().call_later(HALF_CLOSED_SECONDS / _CHECKS, self._check)

    def _is_silent(self) -> bool:
        try:
            info = self._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO.size)
            unacknowledged, silent_ms, unsent = _TCP_INFO.unpack(info)
        # Another system, a socket of another family, or one that uvloop has closed.
        except (AttributeError, OSError, ValueError, struct.error):
            return False
        return bool(not unacknowledged and not unsent and silent_ms >= HALF_CLOSED_SECONDS * 1000)


async def drop_body(body: StreamReader) -> None:
    """Read and drop a body that no handler read. If it arrives soon, the connection can be used again."""
    with suppress(TimeoutError, web.RequestPayloadError):
        async with asyncio.timeout(LINGER_SECONDS):
            while not body.is_eof():
                async with asyncio.timeout(LINGER_PAUSE_SECONDS):
                    await body.readany()


class Lingerers:
    """The connections whose response is written and whose client may still send; at most MAX_LINGERERS at a time."""

    def __init__(self) -> None:
        self._count = 0

    async def linger(self, transport: asyncio.Transport, dropped: Callable[[], int]) -> None:
        """Close our sending side, and wait while the client sends; `dropped` returns how many bytes were dropped.

        Return immediately if too many connections wait already.
        """
        if transport.is_closing():
            return
        if transport.can_write_eof():
            transport.write_eof()
        if self._count >= MAX_LINGERERS:
            return
        if not transport.is_reading():
            transport.resume_reading()
        self._count += 1
        try:
            for _ in range(int(LINGER_SECONDS / LINGER_PAUSE_SECONDS)):
                before = dropped()
                await asyncio.sleep(LINGER_PAUSE_SECONDS)
                if dropped() == before or transport.is_closing():
                    return
        finally:
            self._count -= 1
