"""The first to see a request that was not answered at once: a seek goes to the byte route, all else to the application.

Knows: how the byte route's path is usually written. Refuses to know: keys, recordings, bytes.

aiohttp's application (its router, its match, its chain of middlewares) costs as much again as the rest of a seek.
Nothing is decided twice: the application has the byte route too, for every other spelling of its path (percent
signs, an absolute target), for its other methods and for Expect, and both come to the same handler.
"""

import re
from typing import Final

from aiohttp import HttpVersion10, hdrs, web
from aiohttp.typedefs import Handler

from gateway.web.bytes.media_route import MediaRoute
from gateway.web.exchange import new_exchange
from gateway.web.fast_path.connection import Connection
from gateway.web.fast_path.seeks import Seeks
from gateway.web.frame import Frame

RAW: Final = "/recordings/{recording_id}/media/{media_file_id}/raw"
"""The byte route, as the router and the metrics write it."""

# Ids of up to 18 digits are numbers in PostgreSQL's sense; longer ones are the application's to refuse.
_SEEK: Final = re.compile(r"(/recordings/([0-9]{1,18})/media/([0-9]{1,18})/raw)(?:\?[^#]*)?")
_READS: Final = frozenset({hdrs.METH_GET, hdrs.METH_HEAD})


class Front:
    """The server's handler, before the application's. What was begun at once is finished first."""

    def __init__(self, frame: Frame, seeks: Seeks, media: MediaRoute, application: Handler) -> None:
        self._frame = frame
        self._seeks = seeks
        self._media = media
        self._application = application

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        connection = request.protocol
        if isinstance(connection, Connection) and (begun := connection.take_begun()):
            return await self._frame.surround(request, begun.exchange, self._seeks.finish(request, begun))
        seek = _SEEK.fullmatch(request.raw_path)
        if (
            seek is None
            or request.method not in _READS
            or request.version < HttpVersion10
            or hdrs.EXPECT in request.headers
        ):
            return await self._application(request)
        path, recording_id, media_file_id = seek.groups()
        exchange = new_exchange(request, RAW, path)
        answer = self._media.read(request, exchange, (int(recording_id), int(media_file_id)))
        return await self._frame.surround(request, exchange, answer)
