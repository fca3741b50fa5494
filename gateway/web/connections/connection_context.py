"""Limits and callbacks that all client connections share, and the options of aiohttp's handler."""

import asyncio
from collections.abc import Callable
from logging import Logger
from typing import Any, Final, NamedTuple, cast

from aiohttp import web

from gateway.web.connections.connection_limit import ConnectionLimit
from gateway.web.connections.request_heads import MAX_FIELDS, MAX_HEAD_BYTES, BadHead
from gateway.web.connections.slow_clients import Lingerers
from gateway.web.connections.unread_responses import UnreadResponses

MAX_UNREAD_BODY_BYTES: Final = 32 * 1024
"""With more than this of a request body unread by its handler, nothing more is read from the socket."""

MAX_UNREAD_BODIES_BYTES: Final = 40 * 1024 * 1024
"""With more than this of all bodies unread, a request with a body is refused."""

MANY_BODIES: Final = 32
"""While this many requests with bodies are under way, the kernel holds at most SMALL_BUFFER_BYTES for each further one.

One read takes all that the kernel holds for a connection, up to 250 KB, and an upload holds that until it is written.
"""

SMALL_BUFFER_BYTES: Final = 64 * 1024

MAX_HELD_BYTES: Final = 8 * 1024 * 1024


class HeldBytes:
    """Counts the bytes that all connections hold.

    `heads` are those of requests that are incomplete or wait for an earlier response, `bodies` those that no handler
    has read yet.
    """

    def __init__(self) -> None:
        self._heads = 0
        self._bodies = 0
        self.bodies_under_way = 0
        """How many requests with bodies are not answered yet."""

    def add(self, more: int) -> bool:
        """Add `more` bytes of heads, which may be negative. Returns whether they are still within MAX_HELD_BYTES."""
        self._heads += more
        return self._heads <= MAX_HELD_BYTES

    def add_unread(self, more: int) -> None:
        """Add `more` bytes of bodies, which may be negative."""
        self._bodies += more

    @property
    def has_room_for_body(self) -> bool:
        """Whether one more request with a body may be taken."""
        return self._bodies <= MAX_UNREAD_BODIES_BYTES


class ConnectionContext(NamedTuple):
    """The limits and callbacks of every connection.

    `refuse` writes the response to a request that cannot be parsed. Its arguments are the connection, the received part
    of the head, and the fault.
    """

    keepalive_timeout_seconds: float
    stall_timeout_seconds: float
    refuse: Callable[[web.RequestHandler, bytes, BadHead], web.StreamResponse]
    lingerers: Lingerers
    held: HeldBytes
    unread: UnreadResponses
    limit: ConnectionLimit


def handler_options(context: ConnectionContext) -> dict[str, Any]:
    """The arguments for the constructor of aiohttp's RequestHandler."""
    return {
        "loop": asyncio.get_running_loop(),
        "keepalive_timeout": context.keepalive_timeout_seconds,
        # None turns aiohttp's own access log off, as its runner does; the journal writes ours.
        "access_log": cast("Logger", None),
        # A compressed body may be a bomb. Limits apply to the size on the wire.
        "auto_decompress": False,
        # The head as a whole is limited; two fields more than a client may send are our own.
        "max_line_size": MAX_HEAD_BYTES,
        "max_field_size": MAX_HEAD_BYTES,
        "max_headers": MAX_FIELDS + 2,
        "lingering_time": 0,
        "read_bufsize": MAX_UNREAD_BODY_BYTES // 2,
        # Accepted sockets inherit it from the listening one (gateway/process/listening.py).
        "tcp_keepalive": False,
    }
