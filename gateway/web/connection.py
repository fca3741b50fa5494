"""A client's connection: aiohttp's own, which first shows each request to whoever may answer it at once.

Knows: when a connection is idle, so that what arrives is the beginning of a request. Refuses to know: what a
request asks, and how it is answered.

aiohttp parses a request, wraps it, and wakes two tasks for it; that costs twice what sending 64 KiB does. Whoever
answers at once needs none of it, but must not speak out of turn. A request may be shown to it only where
    1. aiohttp waits for a message (`_waiter`), so that every earlier answer has been written, and
    2. what was last fed to its parser ended a head, so that no beginning of a request lies in it.
While 1 holds no body is owed (aiohttp reads it to its end, or closes), so what ended in an empty line ended a
message. Two names of aiohttp's own are used here, both pinned with its version and held by tests: `_waiter`, and
`_next_keepalive_close_time`, which its keep-alive timer looks at.
"""

import asyncio
from logging import Logger
from typing import Final, NamedTuple, Protocol, cast

from aiohttp import web

from gateway.protocol.ranges import ByteSpan
from gateway.web.admissions import Admission
from gateway.web.exchange import Exchange
from storage_adapters.base import ObjectStat

_END: Final = b"\r\n\r\n"


class Begun(NamedTuple):
    """An answer that was begun: the first `sent` bytes of its head and of the span are the kernel's."""

    exchange: Exchange
    admission: Admission
    stat: ObjectStat
    head: bytes
    span: ByteSpan
    sent: int

    @property
    def rest(self) -> tuple[ByteSpan]:
        """What is left of the body."""
        offset, length = self.span
        gone = max(self.sent - len(self.head), 0)
        return (ByteSpan(offset + gone, length - gone),)


class AtOnce(Protocol):
    """Who may answer at once."""

    def answer(self, connection: "Connection", head: bytes) -> bool:
        """Answer the head; False: it is aiohttp's, and what is `begun` of its answer is to be finished."""
        ...

    def lose(self, connection: "Connection", begun: Begun) -> None:
        """The connection is gone, with an answer that was begun."""
        ...


class Connection(web.RequestHandler):
    """One connection."""

    __slots__ = ("_at_boundary", "_at_once", "_socket_fd", "asked", "begun", "remote")

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
        self.asked = b""
        """The bytes of the request under way, if they are one head and nothing else."""
        self.begun: Begun | None = None
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
        super().connection_lost(exc)
        if self.begun is not None:
            self._at_once.lose(self, self.begun)
            self.begun = None

    def data_received(self, data: bytes) -> None:
        waiter = self._waiter
        idle = self._at_boundary and waiter is not None and not waiter.done()
        if idle and data.find(_END) == len(data) - len(_END):
            if self._at_once.answer(self, data):
                self._next_keepalive_close_time = self._loop.time() + self.keepalive_timeout
                return
            self.asked = data
        else:
            self.asked = b""
        self._at_boundary = data.endswith(_END)
        super().data_received(data)

    def take_begun(self) -> Begun | None:
        """What was begun; whoever takes it finishes it."""
        begun, self.begun = self.begun, None
        return begun

    def writable_fd(self) -> int | None:
        """The socket, if what is written straight to it is what the client reads next."""
        transport = self.transport
        if transport is None or transport.is_closing() or transport.get_write_buffer_size():
            return None
        return self._socket_fd
