"""One client connection: aiohttp's `RequestHandler` with the duties that every request needs.

A connection that is lost ends its request's handler only after that handler has started, so that each request has a
line in the access log. An answer that was begun before aiohttp saw its request waits here for the handler.

PRIVATE_NAMES are all of aiohttp's private names that this class and the fast path read or write. aiohttp's version is
pinned, tests hold their meaning, and the gateway serves with the plain `RequestHandler` where one is missing.
"""

import asyncio
from logging import Logger
from typing import Any, Final, cast

from aiohttp import web

from gateway.web.bytes.begun_answer import BegunAnswer

PRIVATE_NAMES: Final = ("_loop", "_next_keepalive_close_time", "_waiter")


def missing_private_names() -> list[str]:
    """Those of PRIVATE_NAMES that the installed aiohttp does not have."""
    return [name for name in PRIVATE_NAMES if not hasattr(web.RequestHandler, name)]


def handler_options(keepalive_timeout: float) -> dict[str, Any]:
    """The arguments of a RequestHandler of ours."""
    return {
        "loop": asyncio.get_running_loop(),
        "keepalive_timeout": keepalive_timeout,
        # None turns aiohttp's own access log off, as its runner does; the journal writes ours.
        "access_log": cast("Logger", None),
        # A compressed body may be a bomb. The size that counts is the size on the wire.
        "auto_decompress": False,
    }


class ClientConnection(web.RequestHandler):
    """One connection."""

    __slots__ = ("begun", "remote")

    def __init__(self, server: web.Server, *, keepalive_timeout: float) -> None:
        super().__init__(server, **handler_options(keepalive_timeout))
        self.begun: BegunAnswer | None = None
        """The answer to the next request that the handler gets, if its first bytes are sent already."""
        self.remote: str | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        peer = self.peername
        self.remote = str(peer[0]) if isinstance(peer, tuple) else None

    def connection_lost(self, exc: BaseException | None) -> None:
        # aiohttp takes two turns of the loop to start the handler of a request that it has just parsed. Ended before
        # that, the request would have no line in the access log.
        loop = asyncio.get_running_loop()
        loop.call_soon(loop.call_soon, self.end, exc)

    def end(self, exc: BaseException | None) -> None:
        """End what the lost connection still has."""
        super().connection_lost(exc)

    def take_begun(self) -> BegunAnswer | None:
        """What was begun; the caller finishes it."""
        begun, self.begun = self.begun, None
        return begun

    def cut(self) -> None:
        """Abort the connection, so that nothing sent so far can look complete."""
        transport = self.transport
        self.force_close()
        if transport is not None:
            transport.abort()
