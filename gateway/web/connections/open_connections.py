"""Which connections have a request under way, and whether connections are to be let go.

Knows: aiohttp's server connections. Refuses to know: why the gateway goes down, and when.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

# Who has just connected sends its request within this time, and is answered.
GREETING_SECONDS: Final = 0.25


class Connections:
    """The connections with a request under way; `is_draining`: answers should be the last of their connection."""

    def __init__(self, is_draining: Callable[[], bool]) -> None:
        self.is_draining = is_draining
        self.busy: set[RequestHandler] = set()

    async def close_idle(self, server: web.Server) -> None:
        """Close what has no request under way, and the rest behind its answer.

        A connection that was accepted a moment ago is not idle, it is new: its request is waited for.
        aiohttp's `pre_shutdown` stops an idle connection's task but leaves its socket open.
        """
        await asyncio.sleep(GREETING_SECONDS)
        server.pre_shutdown()
        for connection in server.connections:
            if connection not in self.busy:
                connection.force_close()
