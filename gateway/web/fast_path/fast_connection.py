"""A client connection that offers each complete request head to the fast path before aiohttp parses it.

aiohttp parses a request, wraps it, and wakes two tasks for it; that costs twice what sending 64 KiB does. The fast
path needs none of it, but must not answer out of turn. A head may be offered only where

1. aiohttp waits for a message (`_waiter`), so that every earlier answer has been written, and
2. no part of another request has arrived (`is_between_requests`).

Heads that arrive in one turn of the event loop are answered together. After each system call that sends an answer,
Python's code and data are out of the processor's caches; preparing all answers first and then sending them costs a
fifth less (docs/hot-path.md).
"""

import asyncio
import logging
import socket
import time
from typing import Final, Protocol

from aiohttp import web

from gateway.web.bytes.begun_answer import BegunAnswer
from gateway.web.connections.client_connection import ClientConnection
from gateway.web.connections.connection_terms import Terms

_log: Final = logging.getLogger(__name__)

BATCH: Final = 32
"""At most this many heads are prepared before the first is sent; that takes less than a millisecond."""

_END: Final = b"\r\n\r\n"


class Answerer(Protocol):
    """Answers heads in two halves. Nothing is awaited between them, but halves of other answers come between."""

    def prepare(self, connection: "FastConnection", head: bytes, started: float) -> BegunAnswer | None:
        """The answer to a head that arrived at `started` (`time.perf_counter`); None if aiohttp is to answer."""
        ...

    def send(self, connection: "FastConnection", answer: BegunAnswer) -> bool:
        """Send the answer; False if aiohttp is to answer.

        When it is complete, `answered` of the connection is called; until then `stream` is the task that sends it.
        """
        ...


class FastConnection(ClientConnection):
    """One connection."""

    __slots__ = (
        "_batch",
        "_is_new",
        "_is_offered",
        "_keepalive_seconds",
        "_socket_fd",
        "_usual_unsent",
        "asked",
        "stream",
    )

    def __init__(self, server: web.Server, batch: "Batch", terms: Terms) -> None:
        super().__init__(server, terms)
        self._batch = batch
        self._is_new = True
        self._is_offered = False
        self._keepalive_seconds = terms.keepalive_timeout_seconds
        self.asked = b""
        """The bytes of the request that aiohttp has, if they arrived as one head and nothing else."""
        self.stream: asyncio.Task[bool] | None = None
        """Sends the answer that the fast path has begun."""
        self._socket_fd: int | None = None
        self._usual_unsent: int | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        sock = transport.get_extra_info("socket")
        if self.ssl_context is None and sock is not None:
            self._socket_fd = sock.fileno()

    def end(self, exc: BaseException | None) -> None:
        super().end(exc)
        if self.stream is not None:
            self.stream.cancel()

    def data_received(self, data: bytes) -> None:
        if self._is_offered:
            # A second request: the first is answered first.
            self._batch.settle()
        if self.is_between_requests and self._is_waiting() and data.find(_END) == len(data) - len(_END):
            self._is_offered = True
            self._batch.add(self, data)
            return
        self._is_new = False
        self.asked = b""
        super().data_received(data)

    def _is_waiting(self) -> bool:
        """Whether aiohttp waits for a request, or has just been started and will."""
        waiter = self._waiter
        return self._is_new if waiter is None else not waiter.done()

    def eof_received(self) -> bool:  # type: ignore[override] # as in RequestIntake
        if self._is_offered:
            self._batch.settle()
        return super().eof_received()

    def follow(self, stream: "asyncio.Task[bool]") -> None:
        """Hold what arrives until the stream has sent the rest of the answer."""
        self._is_offered = False
        self.stream = stream
        self.hold()

    def answered(self, *, keep_alive: bool) -> None:
        """The fast path has answered the head that was offered, or cannot end the answer."""
        self._is_offered = False
        self._next_keepalive_close_time = self._loop.time() + self._keepalive_seconds
        if self.stream is not None:
            self.stream = None
            self.release()
        if not keep_alive:
            self.force_close()

    def hand_on(self, head: bytes) -> None:
        """Give the head that was offered to aiohttp."""
        self._is_offered = self._is_new = False
        self._limit_unsent()
        self.asked = head
        super().data_received(head)

    def allow_unsent(self, limit: int) -> None:
        """Let this much of the fast path's answers wait unsent in the kernel: pages of files, not copies."""
        transport = self.transport
        if self._usual_unsent is None and transport is not None:
            sock = transport.get_extra_info("socket")
            self._usual_unsent = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, limit)

    def _limit_unsent(self) -> None:
        """Set the usual limit again: aiohttp's answers may be copies."""
        transport = self.transport
        if self._usual_unsent is not None and transport is not None:
            sock = transport.get_extra_info("socket")
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, self._usual_unsent)
            self._usual_unsent = None

    def _process_keepalive(self) -> None:
        if self.stream is not None:
            # To aiohttp the connection looks idle.
            self._next_keepalive_close_time = self._loop.time() + self._keepalive_seconds
        super()._process_keepalive()

    def writable_fd(self) -> int | None:
        """The socket, if what is written straight to it is what the client reads next."""
        transport = self.transport
        if transport is None or transport.is_closing() or transport.get_write_buffer_size():
            return None
        return self._socket_fd


class Batch:
    """The heads that have arrived in this turn of the loop."""

    def __init__(self, answerer: Answerer) -> None:
        self.answerer = answerer
        self._waiting: list[tuple[FastConnection, bytes, float]] = []

    def add(self, connection: FastConnection, head: bytes) -> None:
        """Answer the head in this turn of the loop: it is sent, begun, or handed on to aiohttp."""
        waiting = self._waiting
        waiting.append((connection, head, time.perf_counter()))
        if len(waiting) == 1:
            asyncio.get_running_loop().call_soon(self.settle)
        elif len(waiting) >= BATCH:
            self.settle()

    def settle(self) -> None:
        """Answer all heads that wait, now."""
        waiting, self._waiting = self._waiting, []
        answers = [self._prepare(*each) for each in waiting]
        for (connection, head, _), answer in zip(waiting, answers, strict=True):
            self._send(connection, head, answer)

    # One answer's failure must not be that of the whole batch: it ends its own connection, whatever it is.

    def _prepare(self, connection: FastConnection, head: bytes, started: float) -> BegunAnswer | None:
        try:
            return self.answerer.prepare(connection, head, started)
        except Exception:  # noqa: BLE001 - see above
            _log.exception("the fast path cannot prepare an answer")
            connection.cut()
        return None

    def _send(self, connection: FastConnection, head: bytes, answer: BegunAnswer | None) -> None:
        try:
            if answer is None or not self.answerer.send(connection, answer):
                connection.hand_on(head)
        except Exception:  # noqa: BLE001 - see above
            _log.exception("the fast path cannot send an answer")
            connection.cut()
