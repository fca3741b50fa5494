"""Responses to requests that cannot be parsed: in the dialect of the path if that can be read, logged and counted."""

import time
from http import HTTPStatus
from typing import Final

from aiohttp import web

from gateway.web.access.cors import Cors
from gateway.web.connections.client_connection import ClientConnection
from gateway.web.connections.request_heads import BadHead, request_line
from gateway.web.dialects import dialect_of_path
from gateway.web.exchange import Exchange, new_request_id, shown_path
from gateway.web.journal import Journal
from gateway.web.responses import json_bytes, sent_response

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class MalformedRequests:
    """Writes these responses straight to the connection, without a `web.Request`. Each closes its connection."""

    def __init__(self, journal: Journal, cors: Cors) -> None:
        self._journal = journal
        self._fields = "".join(f"{name}: {value}\r\n" for name, value in cors.headers(None).headers)

    def refuse(self, connection: web.RequestHandler, head: bytes, fault: BadHead) -> web.StreamResponse:
        """Write the response to the request whose head begins with these bytes."""
        method, path = request_line(head)
        # The method becomes a label of the metrics. Clients must not be able to add values to it.
        exchange = Exchange(
            new_request_id(),
            "none",
            method if method in _METHODS else "UNKNOWN",
            shown_path(path),
            connection.remote if isinstance(connection, ClientConnection) else None,
            None,
            time.perf_counter(),
            status=fault.status,
        )
        transport = connection.transport
        if transport is None or transport.is_closing():
            exchange.outcome = "client_closed"
        else:
            transport.write(self._response(exchange, path, fault))
        self._journal.take(exchange)
        return sent_response(fault.status, keep_alive=False)

    def _response(self, exchange: Exchange, path: str, fault: BadHead) -> bytes:
        body = json_bytes(dialect_of_path(path).body(fault.status, fault.message, ()))
        retry = "Retry-After: 1\r\n" if fault.status == HTTPStatus.SERVICE_UNAVAILABLE else ""
        head = (
            f"HTTP/1.1 {fault.status} {HTTPStatus(fault.status).phrase}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            f"{retry}Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n{self._fields}"
            f"X-Request-Id: {exchange.request_id}\r\nServer: seekgate\r\nConnection: close\r\n\r\n"
        )
        return head.encode("latin-1") + (b"" if exchange.method == "HEAD" else body)
