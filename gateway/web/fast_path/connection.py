"""A client's connection: aiohttp's own, which first shows each request to whoever may answer it at once.

Knows: when a connection is idle, so that what arrives is the beginning of a request. Refuses to know: what a
request asks, and how it is answered.

aiohttp parses a request, wraps it, and wakes two tasks for it; that costs twice what sending 64 KiB does. Whoever
answers at once needs none of it, but must not speak out of turn. A request may be shown to it only where
    1. aiohttp waits for a message (`_waiter`), so that every earlier answer has been written, and
    2. what was last fed to its parser ended a head, so that no beginning of a request lies in it.
While 1 holds no body is owed (aiohttp reads it to its end, or closes), so what ended in an empty line ended a
message. The answer comes in the same turn of the loop, when what else has arrived is read too; more bytes of the
same connection have it answered first. Three names of aiohttp's own are used here, all pinned with its version and
held by tests: `_waiter`, `_current_request`, and `_next_keepalive_close_time`, which its keep-alive timer looks at.
"""

import asyncio
from dataclasses import dataclass
from logging import Logger
from typing import Final, Protocol, cast

from aiohttp import web

from gateway.protocol.ranges import ByteSpan
from gateway.web.bytes.admissions import Admission
from gateway.web.exchange import Exchange
from storage_adapters.base import FilePiece, ObjectStat

_END: Final = b"\r\n\r\n"


@dataclass(slots=True)
class Answer:
    """An answer at once: the first `sent` bytes of its head and of its body are the kernel's.

    The body stands at `offset` of the object; the piece is the same bytes, and good until something is awaited.
    """

    exchange: Exchange
    admission: Admission
    stat: ObjectStat
    head: bytes
    offset: int
    piece: FilePiece
    sent: int = 0

    @property
    def rest(self) -> tuple[ByteSpan]:
        """What is left of the body."""
        gone = max(self.sent - len(self.head), 0)
        return (ByteSpan(self.offset + gone, self.exchange.promised - gone),)


class AtOnce(Protocol):
    """Who may answer at once."""

    def take(self, connection: "Connection", head: bytes) -> None:
        """Answer the head in this turn of the loop: by `answered`, or by `hand_on` with what is `begun` of it."""
        ...

    def settle(self) -> None:
        """Answer all that were taken, now."""
        ...

    def lose(self, connection: "Connection", begun: Answer) -> None:
        """The connection is gone, with an answer that was begun."""
        ...


class Connection(web.RequestHandler):
    """One connection."""

    __slots__ = ("_at_boundary", "_at_once", "_is_taken", "_kept_alive", "_socket_fd", "asked", "begun", "remote")

    def __init__(
        self,
        server: web.Server,
        at_once: AtOnce,
        *,
        keepalive_timeout: float,
    ) -> None:
        super().__init__(
            server,
            loop=asyncio.get_running_loop(),
            keepalive_timeout=keepalive_timeout,
            # None, as aiohttp's own runner passes it on: the journal tells what happened.
            access_log=cast("Logger", None),
            # A compressed body is no recording, and may be a bomb; the size that counts is the size on the wire.
            auto_decompress=False,
        )
        self._at_once = at_once
        self._at_boundary = True
        self._is_taken = False
        # aiohttp's own is a property.
        self._kept_alive = keepalive_timeout
        self.asked = b""
        """The bytes of the request under way, if they are one head and nothing else."""
        self.begun: Answer | None = None
        self.remote: str | None = None
        self._socket_fd: int | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        peer = self.peername
        self.remote = str(peer[0]) if isinstance(peer, tuple) else None
        sock = transport.get_extra_info("socket")
        if self.ssl_context is None and sock is not None:
            self._socket_fd = sock.fileno()

    def connection_lost(self, exc: BaseException | None) -> None:
        if self._current_request is not None:
            self._lose(exc)
        else:
            # A request that came just before may be on its way to its handler, which takes two turns of the loop.
            # It must begin to be ended: aiohttp would drop it, and no line of the access log would tell of it.
            self._loop.call_soon(self._loop.call_soon, self._lose, exc)

    def _lose(self, exc: BaseException | None) -> None:
        super().connection_lost(exc)
        if self.begun is not None:
            self._at_once.lose(self, self.begun)
            self.begun = None

    def data_received(self, data: bytes) -> None:
        if self._is_taken:
            # More than one head: what is first is answered first.
            self._at_once.settle()
        waiter = self._waiter
        idle = self._at_boundary and waiter is not None and not waiter.done()
        if idle and data.find(_END) == len(data) - len(_END):
            self._is_taken = True
            self._at_once.take(self, data)
            return
        self.asked = b""
        self._at_boundary = data.endswith(_END)
        super().data_received(data)

    def answered(self) -> None:
        """The head that was taken has been answered."""
        self._is_taken = False
        self._next_keepalive_close_time = self._loop.time() + self._kept_alive

    def hand_on(self, head: bytes) -> None:
        """The head that was taken is aiohttp's, and so is finishing what is begun of its answer."""
        self._is_taken = False
        self.asked = head
        super().data_received(head)

    def cut(self) -> None:
        """End the connection, so that nothing sent so far can look whole."""
        transport = self.transport
        self.force_close()
        if transport is not None:
            transport.abort()

    def take_begun(self) -> Answer | None:
        """What was begun; whoever takes it finishes it."""
        begun, self.begun = self.begun, None
        return begun

    def writable_fd(self) -> int | None:
        """The socket, if what is written straight to it is what the client reads next."""
        transport = self.transport
        if transport is None or transport.is_closing() or transport.get_write_buffer_size():
            return None
        return self._socket_fd
