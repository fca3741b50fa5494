"""Acceptors: they create the protocol of each accepted connection, and learn from the responses of the byte route.

The plain acceptor lets aiohttp parse every request. The fast path has its own (gateway/web/fast_path), which one line
in gateway/assembly/byte_route.py plugs in.
"""

import logging
from http import HTTPStatus
from typing import Final, NamedTuple

from aiohttp import web

from gateway.web.access.cors import Cors
from gateway.web.bytes.admissions import Admission, Admissions
from gateway.web.bytes.loop_turns import LoopTurns
from gateway.web.bytes.paced import Pacing
from gateway.web.bytes.streaming import Streamer
from gateway.web.bytes.streams import Streams
from gateway.web.connections.client_connection import ClientConnection, missing_private_names
from gateway.web.connections.connection_context import ConnectionContext, handler_options
from gateway.web.connections.open_connections import Connections
from gateway.web.connections.request_heads import MAX_FIELDS, BadHead
from gateway.web.journal import Journal
from storage_adapters.base import StorageError

_log: Final = logging.getLogger(__name__)
_BARE_LIMITS: Final = {"max_line_size": 8190, "max_field_size": 8190, "max_headers": MAX_FIELDS}


class ByteServices(NamedTuple):
    """The services that the byte route and the fast path share."""

    admissions: Admissions
    streamer: Streamer
    streams: Streams
    turns: LoopTurns
    pacing: Pacing
    cors: Cors
    connections: Connections
    journal: Journal


class Acceptor:
    """Accepts connections on which aiohttp parses every request."""

    def connect(self, server: web.Server, context: ConnectionContext) -> web.RequestHandler:
        """The protocol of one accepted connection."""
        return ClientConnection(server, context)

    def learn(self, request: web.Request, admission: Admission) -> None:
        """Called after the byte route has answered the request. The plain acceptor remembers nothing."""

    def take_failure(self, request: web.Request) -> StorageError | None:
        """The failure that the storage backend has just reported for this request; None if it got no request yet."""


class BareConnection(web.RequestHandler):
    """A connection that uses none of aiohttp's private names.

    aiohttp's options bound the size and the number of lines, but not the head as a whole, and aiohttp reads requests
    ahead: such a connection can hold 32 heads of 512 KiB.
    """

    def __init__(self, server: web.Server, context: ConnectionContext) -> None:
        super().__init__(server, **handler_options(context) | _BARE_LIMITS)
        self._context = context

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        if status != HTTPStatus.BAD_REQUEST:
            return super().handle_error(request, status, exc, message)
        return self._context.refuse(self, b"", BadHead(status, "The request is not valid HTTP/1.1"))


class BareAcceptor(Acceptor):
    """Accepts connections with aiohttp's own handler."""

    def connect(self, server: web.Server, context: ConnectionContext) -> web.RequestHandler:
        return BareConnection(server, context)


def usable(acceptor: Acceptor) -> Acceptor:
    """The acceptor; if aiohttp lacks a private name that connections need, the bare one, with a warning."""
    missing = missing_private_names()
    if not missing:
        return acceptor
    _log.warning(
        "this version of aiohttp lacks names that connections need: serving without the fast path, and a connection "
        "can make the gateway hold up to 16 MiB of request heads",
        extra={"missing": missing},
    )
    return BareAcceptor()
