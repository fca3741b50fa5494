"""A client connection that sets up aiohttp's part (parser, task, timers) only when aiohttp has to answer a request.

Setting it up costs as much as a seek, and most players make a new connection for each seek.
"""

import asyncio
from typing import cast

from aiohttp import web

from gateway.web.connections.client_connection import ClientConnection
from gateway.web.connections.connection_context import ConnectionContext
from gateway.web.connections.outgoing import closed


class LazyConnection(ClientConnection):
    """One connection. Until `set_up_aiohttp`, it replaces the methods of aiohttp that need what is set up there."""

    __slots__ = ("_idle_since", "_idle_timer", "_is_paused", "_is_set_up", "_server", "is_responding")

    def __init__(self, server: web.Server, context: ConnectionContext, loop: asyncio.AbstractEventLoop) -> None:
        self._server = server
        self._context = context
        self._loop = loop
        self._is_set_up = False
        self._is_paused = False
        self._idle_timer: asyncio.TimerHandle | None = None
        self._idle_since = 0.0
        self.is_responding = False
        """Whether the fast path is sending a response, which aiohttp does not know of."""
        self.transport = None
        self.remote = None
        self._outgoing = self._task_handler = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        self.remote = str(peer[0]) if isinstance(peer, tuple) else None
        self._server.connection_made(self, self.transport)
        self._context.limit.add(self)
        self._idle_since = self._loop.time()
        self._idle_timer = self._loop.call_later(self._context.keepalive_timeout_seconds, self._close_if_idle)

    def set_up_aiohttp(self) -> bool:
        """Set up aiohttp's part unless that was done before. Returns False if the connection is closed."""
        transport, outgoing = self.transport, self._outgoing
        if transport is None:
            return False
        if self._is_set_up:
            return True
        self._is_set_up = True
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        super().__init__(self._server, self._context)
        super().connection_made(transport)
        self._outgoing = outgoing
        if self._is_paused:
            super().pause_writing()
        if self.is_responding:
            self.hold()
        return True

    @property
    def is_idle(self) -> bool:
        return super().is_idle if self._is_set_up else not self.is_responding

    def _close_if_idle(self) -> None:
        keepalive_seconds = self._context.keepalive_timeout_seconds
        left = keepalive_seconds if self.is_responding else self._idle_since + keepalive_seconds - self._loop.time()
        if left > 0:
            self._idle_timer = self._loop.call_later(left, self._close_if_idle)
        else:
            self.force_close()

    def _process_keepalive(self) -> None:
        if self.is_responding:
            # aiohttp does not know of the response and would close the connection as idle.
            self._next_keepalive_close_time = self._loop.time() + self._context.keepalive_timeout_seconds
        super()._process_keepalive()

    def begin_response(self) -> None:
        """Hold what arrives until `end_response`."""
        self.is_responding = True
        if self._is_set_up:
            self.hold()

    def end_response(self) -> None:
        """The fast path's response was sent, or cannot be finished."""
        was_responding, self.is_responding = self.is_responding, False
        if not self._is_set_up:
            self._idle_since = self._loop.time()
            return
        self._refusals = 0
        self._next_keepalive_close_time = self._loop.time() + self._context.keepalive_timeout_seconds
        if was_responding and self._is_dropping:
            # Requests that were sent ahead are lost. A later one must not get a response in their place.
            self.force_close()
        elif was_responding:
            self.release()

    def eof_received(self) -> bool:  # type: ignore[override] # as in RequestReceiver
        if not self._is_set_up and not (self.is_responding and self.set_up_aiohttp()):
            return False
        return super().eof_received()

    def connection_lost(self, exc: BaseException | None) -> None:
        if self._is_set_up:
            super().connection_lost(exc)
            return
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        self.transport = None
        self._server.connection_lost(self, exc)
        self._context.limit.remove(self)
        if self._outgoing is not None:
            self._outgoing.settle(closed())

    def pause_writing(self) -> None:
        self._is_paused = True
        if self._is_set_up:
            super().pause_writing()

    def resume_writing(self) -> None:
        self._is_paused = False
        if self._is_set_up:
            super().resume_writing()
        elif self._outgoing is not None:
            self._outgoing.settle()

    def force_close(self) -> None:
        if self._is_set_up:
            super().force_close()
        elif self.transport is not None:
            self.transport.close()

    def close(self) -> None:
        # While the fast path answers, aiohttp has to go on waiting: if the storage backend fails, it answers instead.
        # The connection is closed after its response, because the gateway is draining.
        if self._is_set_up and not self.is_responding:
            super().close()

    async def shutdown(self, timeout: float | None = 15.0) -> None:  # noqa: ASYNC109 - aiohttp's signature
        if self.is_responding:
            self.cut()
        if self._is_set_up:
            await super().shutdown(timeout)
        else:
            self.force_close()
