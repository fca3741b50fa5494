"""Tracks which connections have a request under way, and closes the others when the gateway stops."""

import asyncio
from collections.abc import Callable
from typing import Final

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from gateway.web.connections.unread_responses import UnreadResponses

# A connection that was accepted just before the stop has this long to send its request.
FIRST_REQUEST_SECONDS: Final = 0.25
_CHECK_SECONDS: Final = 0.05


class Connections:
    """The connections with a request under way, and the large responses that they hold.

    While `is_draining()`, each response is the last of its connection.
    """

    def __init__(self, is_draining: Callable[[], bool]) -> None:
        self.is_draining = is_draining
        self.busy: set[RequestHandler] = set()
        self.unread = UnreadResponses()

    async def close_idle(self, server: web.Server) -> None:
        """Close every connection without a request under way. The others end with their response, or with the process.

        A connection that was just accepted does not count as idle: the gateway waits for its request first. aiohttp's
        `pre_shutdown` is of no use here: it drops what still arrives of the bodies of requests.
        """
        await asyncio.sleep(FIRST_REQUEST_SECONDS)
        for connection in server.connections:
            if not self._is_under_way(connection):
                connection.force_close()

    async def wait_idle(self, server: web.Server) -> None:
        """Return once no request is under way."""
        while self.count_under_way(server):  # noqa: ASYNC110 - an event would cost each request something
            await asyncio.sleep(_CHECK_SECONDS)

    def count_under_way(self, server: web.Server) -> int:
        """How many requests are under way. One is until the socket has taken its whole response."""
        return len(self.busy | {each for each in server.connections if self._is_under_way(each)})

    def _is_under_way(self, connection: RequestHandler) -> bool:
        # aiohttp writes a handler's response after the handler, when the connection is no longer busy.
        is_open = connection.transport is not None
        return connection in self.busy or (is_open and not getattr(connection, "is_idle", True))
