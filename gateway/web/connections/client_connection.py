"""One client connection: aiohttp's `RequestHandler` with bounded input, time-outs and direct writes to the socket.

RequestReceiver receives its requests. A client that takes nothing of a response for the stall time-out is disconnected,
and so is one that was refused MAX_REFUSALS times in a row, or that has closed its sending side while nothing is sent
to it. Bodies of the byte route are written to its socket; what the socket does not take is handed over to the
transport. A lost connection ends its request's handler only after that handler has started, so that each request has
a line in the access log.

PRIVATE_NAMES are all of aiohttp's private names that this class and the fast path read, write or override. aiohttp's
version is pinned, tests check what the names mean, and the gateway uses the plain `RequestHandler` if one is missing.
"""

import asyncio
from http import HTTPStatus
from typing import Final, cast

from aiohttp import web

from gateway.web.connections.connection_context import ConnectionContext
from gateway.web.connections.outgoing import Outgoing, closed
from gateway.web.connections.request_receiver import RequestReceiver
from gateway.web.connections.slow_clients import SilenceWatch, StallWatch
from gateway.web.responses import SentResponse

MAX_REFUSALS: Final = 100
"""The last of this many responses of 400 or more in a row closes the connection."""

PRIVATE_NAMES: Final = (
    "_loop",
    "_messages",
    "_next_keepalive_close_time",
    "_process_keepalive",
    "_task_handler",
    "_waiter",
)


def missing_private_names() -> list[str]:
    """Those of PRIVATE_NAMES that the installed aiohttp does not have."""
    return [name for name in PRIVATE_NAMES if not hasattr(web.RequestHandler, name)]


class ClientConnection(RequestReceiver):
    """The connection of one client."""

    __slots__ = ("__weakref__", "_outgoing", "_refusals", "_silence_watch", "_stall_watch", "remote")

    def __init__(self, server: web.Server, context: ConnectionContext) -> None:
        super().__init__(server, context)
        self._refusals = 0
        self._stall_watch: StallWatch | None = None
        self._silence_watch: SilenceWatch | None = None
        self._outgoing: Outgoing | None = None
        self.remote: str | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._stall_watch = StallWatch(
            cast("asyncio.Transport", transport), self._context.stall_timeout_seconds, self._is_timed
        )
        peer = self.peername
        self.remote = str(peer[0]) if isinstance(peer, tuple) else None
        self._context.limit.add(self)

    def eof_received(self) -> bool:  # type: ignore[override] # as in RequestReceiver
        stays = super().eof_received()
        # uvloop reports the end of the data again whenever reading resumes.
        if stays and self.is_reading and self._silence_watch is None:
            self._silence_watch = SilenceWatch(cast("asyncio.Transport", self.transport), self.cut)
        return stays

    def connection_lost(self, exc: BaseException | None) -> None:
        if self._outgoing is not None:
            self._outgoing.settle(closed())
        # aiohttp takes two turns of the loop to start the handler of a request that it has just parsed. If the
        # connection ended before that, the request would have no line in the access log.
        loop = asyncio.get_running_loop()
        loop.call_soon(loop.call_soon, self.end, exc)

    def end(self, exc: BaseException | None) -> None:
        """Stop the watches, and let aiohttp end the handler of the lost connection."""
        self._context.limit.remove(self)
        for watch in (self._stall_watch, self._silence_watch):
            if watch is not None:
                watch.stop()
        super().connection_lost(exc)

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        if self._stall_watch is not None:
            self._stall_watch.start()
        # A 412 or 416 of the byte route is not a refusal: its client was admitted.
        if resp.status < HTTPStatus.BAD_REQUEST or isinstance(resp, SentResponse):
            self._refusals = 0
        else:
            self._refusals += 1
            if self._refusals >= MAX_REFUSALS:
                resp.force_close()
        try:
            return await super().finish_response(request, resp, start_time)
        finally:
            self._context.unread.release(resp)

    @property
    def is_idle(self) -> bool:
        """Whether no complete request waits for its response, and no part of a response waits for the socket."""
        transport = self.transport
        return transport is not None and not self._is_under_way and not transport.get_write_buffer_size()

    @property
    def outgoing(self) -> Outgoing:
        """For writing to the socket directly. Raises ConnectionResetError if the connection is closed."""
        if self._outgoing is None:
            if self.transport is None:
                raise closed()
            self._outgoing = Outgoing(self._loop, self.transport, self._context.stall_timeout_seconds)
        return self._outgoing

    def _is_timed(self) -> bool:
        return self._outgoing is not None and self._outgoing.is_timed

    def limit_unsent(self) -> None:
        """Restore the default limit of unsent bytes, because what aiohttp sends may be copies."""
        if self._outgoing is not None:
            self._outgoing.limit_unsent()

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._outgoing is not None:
            self._outgoing.settle()

    def cut(self) -> None:
        """Abort the connection, so that nothing sent so far can look complete."""
        transport = self.transport
        self.force_close()
        if transport is not None:
            transport.abort()
