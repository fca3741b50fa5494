"""The middleware around every handler: it begins and ends the exchange, and turns any error into a response.

It refuses requests that no handler should see (Host, Expect), answers OPTIONS, and adds the header fields of
every response. Authentication is each handler's first line, since the handler knows the scope.
"""

import asyncio
import logging
from collections.abc import Awaitable
from typing import Final

from aiohttp import hdrs, web
from aiohttp.typedefs import Handler, Middleware

from gateway.errors import Refusal, Unavailable
from gateway.web.access.cors import Cors
from gateway.web.connections.open_connections import Connections
from gateway.web.dialects import allowed_methods, refusal_response
from gateway.web.encodings import compress_json
from gateway.web.exchange import Exchange, new_exchange, shown_path
from gateway.web.hosts import check_host
from gateway.web.journal import Journal
from gateway.web.receiving.expectations import check_expectation
from gateway.web.responses import SentResponse
from storage_adapters.base import StorageError

_log: Final = logging.getLogger(__name__)

_BUSY: Final = Unavailable("Too many large responses wait for their clients", retry_after_seconds=1)
# The methods of the server as a whole, for `OPTIONS *`.
_SERVER_METHODS: Final = "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"


class RequestMiddleware:
    """Surrounds handlers: as a middleware, and for the byte route, which has no middleware."""

    def __init__(self, journal: Journal, connections: Connections, cors: Cors) -> None:
        self._journal = journal
        self._connections = connections
        self._cors = cors

    def middleware(self) -> Middleware:
        """The middleware of an application."""

        @web.middleware
        async def surrounded(request: web.Request, handler: Handler) -> web.StreamResponse:
            resource = request.match_info.route.resource
            exchange = new_exchange(request, resource.canonical if resource else "none", shown_path(request.path))
            return await self.surround(request, exchange, self._handle(request, handler))

        return surrounded

    async def surround(
        self, request: web.Request, exchange: Exchange, pending: Awaitable[web.StreamResponse]
    ) -> web.StreamResponse:
        """Await the response, or make one from the error that was raised. The journal always gets the exchange."""
        busy, connection = self._connections.busy, request.protocol
        busy.add(connection)
        try:
            try:
                response = await pending
            except Exception as error:  # noqa: BLE001 - every error becomes a response
                response = _error_response(request, exchange, error)
            if not self._connections.unread.admit(response, exchange.key_id):
                response = refusal_response(request, _BUSY)
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
        check_host(request)
        if request.method == hdrs.METH_OPTIONS:
            return await self._options(request, handler)
        check_expectation(request)
        return await handler(request)

    def _complete(self, request: web.Request, exchange: Exchange, response: web.StreamResponse) -> None:
        """Add the header fields that every response carries."""
        # The rest of a body that was not read would be parsed as the next request.
        if self._connections.is_draining() or not request.content.is_eof():
            response.force_close()
        for name, value in self._cors.headers(request.headers.get(hdrs.ORIGIN), by_key=exchange.by_key).headers:
            own = f"{response.headers[name]}, " if name == hdrs.VARY and name in response.headers else ""
            response.headers[name] = own + value
        compress_json(request, response)
        response.headers.update(exchange.quota or {})
        response.headers["X-Request-Id"] = exchange.request_id
        response.headers["Server"] = "seekgate"

    async def _options(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """The resource's methods (RFC 9110 section 9.3.7), and the response to a CORS preflight."""
        error = request.match_info.http_exception
        if request.raw_path == "*":
            response: web.StreamResponse = web.Response(status=204, headers={hdrs.ALLOW: _SERVER_METHODS})
        elif isinstance(error, web.HTTPMethodNotAllowed):
            response = web.Response(status=204, headers={hdrs.ALLOW: allowed_methods(error)})
        else:
            response = await handler(request)
        allow = response.headers.get(hdrs.ALLOW, "")
        response.headers.extend(self._cors.preflight(request.headers.get(hdrs.ORIGIN), allow))
        return response


def _error_response(request: web.Request, exchange: Exchange, error: Exception) -> web.Response:
    if isinstance(error, Refusal | StorageError | web.HTTPException):
        return refusal_response(request, error)
    # The client gets fixed words; the traceback is logged.
    _log.error("a request failed", exc_info=error, extra={"request_id": exchange.request_id})
    return refusal_response(request, web.HTTPInternalServerError())
