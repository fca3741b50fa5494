"""What surrounds every handler: its exchange begins and ends here, and whatever it raises becomes an answer.

Knows: the way from a refusal to the dialect's words, the headers that every answer carries, preflights.
Refuses to know: what is asked, and what is told of it later. Authentication is each handler's first line, since
it knows the scope.
"""

import asyncio
import logging
from collections.abc import Awaitable
from typing import Final

from aiohttp import HttpVersion10, hdrs, web
from aiohttp.typedefs import Handler, Middleware

from gateway.errors import Refusal
from gateway.web.access.cors import Cors
from gateway.web.connections import Connections
from gateway.web.dialects import allowed_methods, refusal_answer
from gateway.web.exchange import EXCHANGE, Exchange, new_exchange
from gateway.web.journal import Journal
from gateway.web.responses import SentResponse, sent_response
from storage_adapters.base import StorageError

_log: Final = logging.getLogger(__name__)


class Frame:
    """Surrounds answers; as a middleware, or called by whoever answers without the application's router."""

    def __init__(self, journal: Journal, connections: Connections, cors: Cors) -> None:
        self._journal = journal
        self._connections = connections
        self._cors = cors

    def middleware(self) -> Middleware:
        """The same around an application's handlers."""

        @web.middleware
        async def framed(request: web.Request, handler: Handler) -> web.StreamResponse:
            resource = request.match_info.route.resource
            exchange = new_exchange(request, resource.canonical if resource else "none", _shown_path(request))
            return await self.surround(request, exchange, self._handle(request, handler))

        return framed

    async def surround(
        self, request: web.Request, exchange: Exchange, answer: Awaitable[web.StreamResponse]
    ) -> web.StreamResponse:
        """The answer, or what becomes of the error that it raises; told to the journal, however it ends."""
        busy, connection = self._connections.busy, request.protocol
        busy.add(connection)
        try:
            try:
                response = await answer
            except Exception as error:  # noqa: BLE001 - whatever it is, only an answer may leave
                response = _answer_to(request, exchange, error)
            if not isinstance(response, SentResponse):
                self._complete(request, exchange, response)
                exchange.status = response.status
        except asyncio.CancelledError:
            exchange.outcome = "client_closed"
            raise
        else:
            return response
        finally:
            busy.discard(connection)
            self._journal.take(exchange)

    async def _handle(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.version < HttpVersion10:
            # aiohttp's parser takes a request line without a version for HTTP/0.9, which no one speaks any more.
            request.protocol.force_close()
            request[EXCHANGE].status = 400
            return sent_response(400, keep_alive=False)
        if request.method == hdrs.METH_OPTIONS:
            return self._options(request)
        return await handler(request)

    def _complete(self, request: web.Request, exchange: Exchange, response: web.StreamResponse) -> None:
        """Put on what every answer carries."""
        # A body that nobody waited for would be read as the next request, or until somebody's patience ends.
        if self._connections.is_draining() or not request.content.is_eof():
            response.force_close()
        for name, value in self._cors.headers(request.headers.get(hdrs.ORIGIN), by_key=exchange.by_key).headers:
            response.headers.setdefault(name, value)
        response.headers.update(exchange.quota or {})
        response.headers["X-Request-Id"] = exchange.request_id
        response.headers["Server"] = "seekgate"

    def _options(self, request: web.Request) -> web.Response:
        """The resource's methods (RFC 9110 section 9.3.7), and the answer to a CORS preflight."""
        error = request.match_info.http_exception
        if not isinstance(error, web.HTTPMethodNotAllowed):
            raise error or web.HTTPNotFound
        allow = allowed_methods(error)
        return web.Response(
            status=204, headers=[("Allow", allow), *self._cors.preflight(request.headers.get(hdrs.ORIGIN), allow)]
        )


def _answer_to(request: web.Request, exchange: Exchange, error: Exception) -> web.Response:
    if isinstance(error, Refusal | StorageError | web.HTTPException):
        return refusal_answer(request, error)
    # The last resort: fixed words for the client, the traceback for the log.
    _log.error("a request failed", exc_info=error, extra={"request_id": exchange.request_id})
    return refusal_answer(request, web.HTTPInternalServerError())


def _shown_path(request: web.Request) -> str:
    """The path without the token that is its own permission."""
    token = request.match_info.get("token")
    return request.path.replace(token, "***") if token else request.path
