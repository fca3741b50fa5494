"""The server's handler: byte requests go straight to the byte route, everything else to aiohttp's application.

aiohttp's application (its router, its match, its chain of middlewares) costs as much CPU time as the rest of a seek.
The application has the byte route too, for other spellings of its path, other methods and Expect; both lead to the
same code.
"""

from typing import Final

from aiohttp import HttpVersion10, hdrs, web
from aiohttp.typedefs import Handler

from gateway.protocol.byte_path import BYTE_PATH, parse_byte_target
from gateway.web.bytes.media_route import MediaRoute
from gateway.web.exchange import Exchange, new_exchange
from gateway.web.hosts import check_host
from gateway.web.media_files import Ids
from gateway.web.middleware import RequestMiddleware
from gateway.web.receiving.expectations import EXPECTATION

_READS: Final = frozenset({hdrs.METH_GET, hdrs.METH_HEAD})


class ServerHandler:
    """The handler of aiohttp's `web.Server`."""

    def __init__(self, middleware: RequestMiddleware, media: MediaRoute, application: Handler) -> None:
        self._middleware = middleware
        self._media = media
        self._application = application

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        target = parse_byte_target(request.raw_path)
        if (
            target is None
            or request.method not in _READS
            or request.version < HttpVersion10
            or EXPECTATION in request.headers
        ):
            return await self._application(request)
        exchange = new_exchange(request, BYTE_PATH, target.path)
        pending = self._read(request, exchange, (target.recording_id, target.media_file_id))
        return await self._middleware.surround(request, exchange, pending)

    async def _read(self, request: web.Request, exchange: Exchange, ids: Ids) -> web.StreamResponse:
        check_host(request)
        return await self._media.read(request, exchange, ids)
