"""The pump: the only code that writes bodies of the byte route, except for what the fast path sends first.

Nothing is written before the first byte of the object has been read, so that an error until then still becomes a
response (StorageError passes through). After that, a body that cannot be finished is cut off, never ended as if it were
complete, and no exception leaves this module: aiohttp would write its error page into the body.
"""

import asyncio
import errno
import logging
from collections.abc import Callable, Hashable
from typing import Final

from aiohttp import web

from gateway.protocol.delivery import DeliveryPlan, HeaderBlock, Segment
from gateway.protocol.pacing import SendingPace
from gateway.web.bytes.body_writer import BodyWriter
from gateway.web.bytes.heads import connection_line, render_head
from gateway.web.bytes.loop_turns import LoopTurns
from gateway.web.bytes.paced import PacedBody
from gateway.web.bytes.socket_wire import SocketWire
from gateway.web.bytes.started_response import StartedResponse
from gateway.web.bytes.streams import Streams
from gateway.web.bytes.wire import Wire, open_wire
from gateway.web.connections.outgoing import Outgoing, Stalled
from gateway.web.exchange import Exchange
from gateway.web.responses import SentResponse, sent_response
from storage_adapters.base import ObjectChanged, StorageError, StoredObject

_log: Final = logging.getLogger(__name__)


class Streamer:
    """Sends planned deliveries.

    `stall_timeout_seconds` is how long a client may read nothing at all; `is_draining` says whether connections should
    close after their responses.
    """

    def __init__(
        self, streams: Streams, turns: LoopTurns, *, stall_timeout_seconds: float, is_draining: Callable[[], bool]
    ) -> None:
        self._streams = streams
        self._turns = turns
        self._stall_timeout = stall_timeout_seconds
        self._is_draining = is_draining

    async def send(
        self,
        request: web.Request,
        exchange: Exchange,
        plan: DeliveryPlan,
        shared: HeaderBlock,
        stored: StoredObject,
        *,
        reader: Hashable,
        pace: SendingPace | None,
    ) -> SentResponse:
        """Write the plan's head, with the `shared` headers of all responses, and its body, as a stream of the `reader`.

        With a `pace`, the body is sent no faster than that.

        Raises StorageError, Unavailable or RateLimited while nothing was written. After that, every error cuts the
        connection, and is recorded in `exchange.outcome`.
        """
        keep_alive = request.keep_alive and not self._is_draining()
        exchange.status, exchange.promised = plan.status, plan.content_length
        transport = request.transport
        if transport is None:
            exchange.outcome = "client_closed"
            return sent_response(plan.status, keep_alive=False)
        head = render_head(plan, shared, exchange.request_id, connection_line(request, keep_alive=keep_alive))
        with self._streams.of(reader):
            wire = open_wire(request, transport, self._stall_timeout, self._turns)
            whole = await _run(wire, head, plan.body, BodyWriter(wire, stored, self._paced(pace)), exchange)
        return sent_response(plan.status, keep_alive=keep_alive and whole)

    async def resume(self, outgoing: Outgoing, response: StartedResponse) -> bool:
        """Send the rest of a response, whose stream is already counted. Returns False if the connection was cut.

        Raises StorageError while nothing was sent.
        """
        exchange, media = response.exchange, response.admission.media
        try:
            async with response.admission.storage.adapter.open(media.object_key, response.stat) as stored:
                _require_version(stored, response)
                wire = SocketWire(outgoing, self._turns, response.sent, wants_all=response.is_wanted_whole)
                paced = self._paced(response.pace)
                if paced is not None:
                    paced.count(response.offset, response.body_sent)
                return await _run(wire, response.head, response.unsent, BodyWriter(wire, stored, paced), exchange)
        except Exception as error:
            if isinstance(error, StorageError) and not response.sent:
                raise
            # Whatever it was, the head or a part of it may have been sent.
            _log.warning("a body cannot be finished", extra={"cause": str(error), "request_id": exchange.request_id})
        exchange.outcome = "aborted"
        outgoing.transport.abort()
        return False

    def _paced(self, pace: SendingPace | None) -> PacedBody | None:
        return None if pace is None else PacedBody(pace, self._is_draining)


def _require_version(stored: StoredObject, response: StartedResponse) -> None:
    if stored.stat != response.stat:
        raise ObjectChanged(response.admission.media.object_key, "it is not the version that the response began with")


# Errors of a connection. Any other (EIO, EMFILE, ENOMEM) is one of this process or this machine.
_CONNECTION_ERRNOS: Final = frozenset(
    {
        errno.EHOSTDOWN,
        errno.EHOSTUNREACH,
        errno.ENETDOWN,
        errno.ENETRESET,
        errno.ENETUNREACH,
        errno.ENOTCONN,
        errno.ETIMEDOUT,
    }
)


def _is_connections(error: OSError) -> bool:
    return isinstance(error, ConnectionError) or error.errno in _CONNECTION_ERRNOS


async def _run(wire: Wire, head: bytes, body: tuple[Segment, ...], writer: BodyWriter, exchange: Exchange) -> bool:
    """Send the unsent part of the head, and the body. Returns False if the connection was cut instead."""
    try:
        return await _deliver(wire, head[wire.sent :], body, writer, exchange)
    finally:
        wire.close()
        exchange.sent = max(wire.sent - len(head), 0)


async def _deliver(wire: Wire, head: bytes, body: tuple[Segment, ...], writer: BodyWriter, exchange: Exchange) -> bool:
    """Send head and body. Returns False if the connection was cut instead."""
    try:
        await writer.write(head, body)
    except asyncio.CancelledError:
        exchange.outcome = "client_closed"
        wire.abort()
        raise
    except StorageError as error:
        if not wire.sent:
            raise
        exchange.outcome = "aborted"
        _log.warning(
            "promised bytes cannot be produced", extra={"cause": str(error), "request_id": exchange.request_id}
        )
    except Stalled:
        exchange.outcome = "stalled"
    except OSError as error:
        exchange.outcome = "client_closed" if _is_connections(error) else "aborted"
        if exchange.outcome == "aborted":
            _log.warning(
                "promised bytes cannot be sent", extra={"cause": str(error), "request_id": exchange.request_id}
            )
    except Exception:  # noqa: BLE001 - whatever it was, it must not become a second response inside the first
        exchange.outcome = "aborted"
        _log.exception("a stream failed", extra={"request_id": exchange.request_id})
    else:
        return True
    wire.abort()
    return False
