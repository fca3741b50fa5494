"""What accepts connections, and learns of each byte request that was answered.

The plain acceptor lets aiohttp parse every request. The fast path is another one (gateway/web/fast_path), which
gateway/assembly/byte_route.py plugs in by one line.
"""

import logging
from typing import Final, NamedTuple

from aiohttp import web

from gateway.web.access.cors import Cors
from gateway.web.bytes.admissions import Admission, Admissions
from gateway.web.bytes.loop_turns import LoopTurns
from gateway.web.bytes.streaming import Streamer
from gateway.web.bytes.streams import Streams
from gateway.web.connections.client_connection import ClientConnection, missing_private_names
from gateway.web.connections.connection_terms import Terms, handler_options
from gateway.web.connections.open_connections import Connections
from gateway.web.journal import Journal

_log: Final = logging.getLogger(__name__)


class ByteServices(NamedTuple):
    """What answers byte requests has in common."""

    admissions: Admissions
    streamer: Streamer
    streams: Streams
    turns: LoopTurns
    cors: Cors
    connections: Connections
    journal: Journal


class Acceptor:
    """Accepts connections of which aiohttp parses every request."""

    def connect(self, server: web.Server, terms: Terms) -> web.RequestHandler:
        """The protocol of one accepted connection."""
        return ClientConnection(server, terms)

    def learn(self, request: web.Request, admission: Admission) -> None:
        """The byte route has answered the request."""


class BareAcceptor(Acceptor):
    """Accepts connections with aiohttp's own handler, without anything that needs its private names."""

    def connect(self, server: web.Server, terms: Terms) -> web.RequestHandler:
        return web.RequestHandler(server, **handler_options(terms))


def usable(acceptor: Acceptor) -> Acceptor:
    """The acceptor, or the bare one with a warning where aiohttp lacks a private name that connections need."""
    missing = missing_private_names()
    if not missing:
        return acceptor
    _log.warning(
        "this version of aiohttp lacks names that the fast path needs: serving without it",
        extra={"missing": missing},
    )
    return BareAcceptor()
