"""Around every handler: observe -> answer preflights and refusals.

Knows: request ids, the access log line, CORS on every answer, and that nothing but an answer may leave.
Refuses to know: what is asked. Authentication is each handler's first line, since it knows the scope.
"""

import asyncio
import logging
import time
from typing import Final

from aiohttp import HttpVersion10, hdrs, web
from aiohttp.typedefs import Handler, Middleware

from gateway.errors import Refusal
from gateway.observability import AccessLog, Metrics
from gateway.web.connections import Connections
from gateway.web.cors import Cors
from gateway.web.dialects import allowed_methods, dialect_of, storage_refusal
from gateway.web.exchange import EXCHANGE, Exchange, request_id
from gateway.web.responses import SentResponse, sent_response
from storage_adapters.base import StorageError

_log: Final = logging.getLogger(__name__)

# nginx's number for a client that left before there was an answer; it never goes over the wire.
_CLIENT_CLOSED_REQUEST: Final = 499


def observe(metrics: Metrics, access_log: AccessLog, connections: Connections) -> Middleware:
    """Give the request its Exchange; write one line and one count when it is over, however it ends."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        exchange = request[EXCHANGE] = Exchange(request_id(request.headers.get("X-Request-Id")))
        connections.begin(request)
        try:
            response = await handler(request)
            exchange.status = response.status
        except asyncio.CancelledError:
            exchange.outcome = "client_closed"
            raise
        else:
            return response
        finally:
            connections.end(request)
            _tell(request, exchange, metrics, access_log)

    return middleware


def _tell(request: web.Request, exchange: Exchange, metrics: Metrics, access_log: AccessLog) -> None:
    resource = request.match_info.route.resource
    status = exchange.status or _CLIENT_CLOSED_REQUEST
    seconds = exchange.seconds
    metrics.count(resource.canonical if resource else "none", request.method, status, exchange.outcome, seconds)
    if exchange.storage is not None:
        metrics.count_sent(exchange.storage, exchange.sent)
    access_log.write(
        {
            "time": round(time.time(), 3),
            "event": "request",
            "request_id": exchange.request_id,
            "remote": request.remote,
            "principal": exchange.principal,
            "method": request.method,
            "path": _shown_path(request),
            "range": request.headers.get(hdrs.RANGE),
            "status": status,
            "promised": exchange.promised,
            "sent": exchange.sent,
            "outcome": exchange.outcome,
            "milliseconds": round(seconds * 1000, 3),
        }
    )


def _shown_path(request: web.Request) -> str:
    """The path without the token that is its own permission."""
    token = request.match_info.get("token")
    return request.path.replace(token, "***") if token else request.path


def answer(cors: Cors, connections: Connections) -> Middleware:
    """Turn every refusal into the dialect's words, answer OPTIONS, and put the shared headers on."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.version < HttpVersion10:
            # aiohttp's parser takes a request line without a version for HTTP/0.9, which no one speaks any more.
            request.protocol.force_close()
            return sent_response(400, keep_alive=False)
        response = await _answer(request, handler, cors)
        if not isinstance(response, SentResponse):
            # A body that nobody waited for would be read as the next request, or until somebody's patience ends.
            if connections.is_draining() or not request.content.is_eof():
                response.force_close()
            origin = request.headers.get(hdrs.ORIGIN)
            for name, value in cors.headers(origin):
                response.headers.setdefault(name, value)
            exchange = request[EXCHANGE]
            response.headers.update(exchange.quota.headers() if exchange.quota else {})
            response.headers["X-Request-Id"] = exchange.request_id
            response.headers["Server"] = "seekgate"
        return response

    return middleware


async def _answer(request: web.Request, handler: Handler, cors: Cors) -> web.StreamResponse:
    try:
        if request.method == hdrs.METH_OPTIONS:
            return _options(request, cors)
        return await handler(request)
    except Refusal as refusal:
        return dialect_of(request).refuse(refusal)
    except StorageError as error:
        return dialect_of(request).refuse(storage_refusal(error))
    except web.HTTPException as error:
        return dialect_of(request).refuse_http(error)
    except Exception:  # noqa: BLE001 - the last resort: fixed words for the client, the traceback for the log
        _log.exception("a request failed", extra={"request_id": request[EXCHANGE].request_id})
        return dialect_of(request).refuse_http(web.HTTPInternalServerError())


def _options(request: web.Request, cors: Cors) -> web.Response:
    """The resource's methods (RFC 9110 section 9.3.7), and the answer to a CORS preflight."""
    error = request.match_info.http_exception
    if not isinstance(error, web.HTTPMethodNotAllowed):
        raise error or web.HTTPNotFound
    allow = allowed_methods(error)
    return web.Response(
        status=204, headers=[("Allow", allow), *cors.preflight(request.headers.get(hdrs.ORIGIN), allow)]
    )
