"""A client connection that offers each complete request head to the fast path before aiohttp parses it.

aiohttp parses a request, wraps it, and wakes two tasks for it; that costs twice what sending 64 KiB does. The fast
path avoids all of this, but must respond to requests in order. A head may be offered only if

1. aiohttp waits for a message (`_waiter`), so that every earlier response has been written, and
2. nothing of another request has arrived. The pieces of one head are joined (`complete_head`).
"""

import asyncio
from typing import Protocol

from aiohttp import web

from gateway.web.connections.connection_context import ConnectionContext
from gateway.web.connections.request_heads import HEAD_END
from gateway.web.fast_path.lazy_connection import LazyConnection
from gateway.web.fast_path.response_template import ResponseTemplate
from storage_adapters.base import StorageError


class Batcher(Protocol):
    """Collects the heads that arrive in one turn of the loop (gateway/web/fast_path/head_batcher.py)."""

    loop: asyncio.AbstractEventLoop

    def recognises(self, head: bytes) -> bool:
        """Whether the fast path has a template for such a head."""

    def add(self, connection: "FastConnection", head: bytes) -> None:
        """Respond to the head in this turn of the loop, or soon; the response may be left to aiohttp."""

    def flush(self, connection: "FastConnection") -> None:
        """Respond now to the head of this connection, which waits."""


class FastConnection(LazyConnection):
    """One connection."""

    __slots__ = (
        "_batcher",
        "_early_data",
        "_is_offered",
        "_socket_fd",
        "failure",
        "last_template",
        "request_head",
        "stream",
    )

    def __init__(self, server: web.Server, batcher: Batcher, context: ConnectionContext) -> None:
        super().__init__(server, context, batcher.loop)
        self._batcher = batcher
        self._is_offered = False
        self._early_data = b""
        self._socket_fd: int | None = None
        self.request_head = b""
        """The head of the request that aiohttp answers, if it arrived whole and with nothing after it; else empty."""
        self.last_template: ResponseTemplate | None = None
        """The template for the last head that the fast path has recognised."""
        self.failure: StorageError | None = None
        """The failure of the storage backend that the next request is to be answered with (`fall_back_after`)."""
        self.stream: asyncio.Task[None] | None = None
        """Sends the rest of a response that the fast path has begun."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if transport.get_extra_info("sslcontext") is None:
            self._socket_fd = transport.get_extra_info("socket").fileno()

    def connection_lost(self, exc: BaseException | None) -> None:
        super().connection_lost(exc)
        if self.stream is not None:
            self.stream.cancel()

    def data_received(self, data: bytes) -> None:
        if self._is_offered:
            # A second request has arrived: answer the first one before it.
            self._batcher.flush(self)
            if self.transport is None or self.transport.is_closing():
                # The first request was the last of its connection (RFC 9112 section 9.6).
                return
        if not data:
            # aiohttp resumes its parser this way.
            super().data_received(data)
        elif self._early_data:
            self._early_data += data
        elif self._is_set_up and self._is_finishing() and self._batcher.recognises(data):
            # The client has the whole response; aiohttp needs two more turns of the loop until it waits for a request.
            # A head that aiohttp will answer anyway does not wait for that.
            self._early_data = data
            self._loop.call_soon(self._loop.call_soon, self._take_early_data)
        else:
            self._offer_or_give(data)

    def eof_received(self) -> bool:  # type: ignore[override] # as in RequestReceiver
        self._take_early_data()
        if self._is_offered:
            self._batcher.flush(self)
        return super().eof_received()

    @property
    def is_idle(self) -> bool:
        return not (self._is_offered or self._early_data) and super().is_idle

    def _take_early_data(self) -> None:
        data, self._early_data = self._early_data, b""
        if data:
            self._offer_or_give(data)

    def _offer_or_give(self, data: bytes) -> None:
        head = self._whole_head(data) if self._is_waiting() and data.endswith(HEAD_END) else b""
        if head:
            self._is_offered = True
            self._batcher.add(self, head)
        else:
            self._give_to_aiohttp(data)

    def _whole_head(self, data: bytes) -> bytes:
        """The head that `data` completes; empty if that is not all that has arrived."""
        if self._is_set_up and not self.is_between_requests:
            return self.complete_head(data)
        return data if data.find(HEAD_END) == len(data) - len(HEAD_END) else b""

    def _is_finishing(self) -> bool:
        """Whether aiohttp, which is set up, has answered, but does not wait for a request yet."""
        return self._waiter is None and self.is_between_requests

    def _is_waiting(self) -> bool:
        """Whether every earlier request has been answered."""
        if self._socket_fd is None:
            return False
        if not self._is_set_up:
            return not self.is_responding
        waiter = self._waiter
        return not self._is_under_way and waiter is not None and not waiter.done()

    def _give_to_aiohttp(self, data: bytes, request_head: bytes = b"") -> None:
        if self.set_up_aiohttp():
            self.limit_unsent()
            self.request_head = request_head
            super().data_received(data)

    def fall_back(self, head: bytes) -> None:
        """Let aiohttp respond to the head that was offered."""
        self._is_offered = False
        self._give_to_aiohttp(head, head)

    def fall_back_after(self, head: bytes, failure: StorageError) -> None:
        """Let aiohttp respond to a head after all: the storage backend has failed, and nothing was sent yet."""
        self.stream = None
        self.failure = failure
        self.is_responding = False
        if self.set_up_aiohttp():
            self.request_head = b""
            self.requeue(head)

    def release(self) -> None:
        # An idle connection holds up to MAX_HEAD_BYTES less.
        self.request_head = b""
        super().release()

    def respond_later(self) -> None:
        """Hold what arrives until `complete_response` ends the response that was begun."""
        self._is_offered = False
        self.begin_response()

    def complete_response(self, *, keep_alive: bool) -> None:
        """The fast path has answered the head that was offered, or cannot finish its response."""
        self._is_offered = False
        self.stream = None
        self.end_response()
        if not keep_alive:
            self.force_close()

    def writable_fd(self) -> int | None:
        """The socket's descriptor; None for TLS, a closing connection, or while earlier bytes wait in the transport."""
        transport = self.transport
        if transport is None or transport.is_closing() or transport.get_write_buffer_size():
            return None
        return self._socket_fd
