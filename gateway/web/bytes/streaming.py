"""The pump: the only code that writes bodies of the byte route, but for the first window of the fast path.

Nothing is written before the first byte of the object has been read, so that an error until then still becomes a
response (StorageError passes through). After that, a body that cannot be finished is cut off, never ended as if it were
complete, and no exception leaves this module: aiohttp would write its error page into the body.
"""

import asyncio
import errno
import logging
from collections.abc import Callable, Hashable
from contextlib import aclosing
from typing import Final

from aiohttp import HttpVersion11, web

from gateway.protocol.delivery import DeliveryPlan, HeaderBlock, Segment
from gateway.protocol.ranges import ByteSpan
from gateway.web.bytes.begun_answer import BegunAnswer
from gateway.web.bytes.heads import render_head
from gateway.web.bytes.loop_turns import LoopTurns
from gateway.web.bytes.socket_wire import SocketWire, Stalled
from gateway.web.bytes.streams import Streams
from gateway.web.bytes.wire import Wire, open_wire
from gateway.web.exchange import Exchange
from gateway.web.responses import SentResponse, sent_response
from storage_adapters.base import StorageError, StoredObject, ZeroCopy

_log: Final = logging.getLogger(__name__)

_PIECE_BYTES: Final = 4 * 1024 * 1024


class Streamer:
    """Sends planned deliveries.

    `stall_timeout_seconds` is how long a client may read nothing at all; `is_draining` says whether
    connections should close after their responses.
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
    ) -> SentResponse:
        """Write the plan's head, with the `shared` headers of all answers, and its body, as a stream of the `reader`.

        Raises StorageError, Unavailable or RateLimited while nothing was written. Afterwards every error ends in a cut
        connection, and `exchange.outcome` says so.
        """
        keep_alive = request.keep_alive and not self._is_draining()
        exchange.status, exchange.promised = plan.status, plan.content_length
        transport = request.transport
        if transport is None:
            exchange.outcome = "client_closed"
            return sent_response(plan.status, keep_alive=False)
        # HTTP/1.0 closes unless the response says otherwise (RFC 9112 section 9.3).
        default = keep_alive and request.version >= HttpVersion11
        head = render_head(plan, shared, exchange.request_id, "" if default else _connection(keep_alive=keep_alive))
        with self._streams.of(reader):
            wire = open_wire(request, transport, self._stall_timeout, self._turns)
            whole = await _run(wire, head, plan.body, stored, exchange)
        return sent_response(plan.status, keep_alive=keep_alive and whole)

    async def resume(self, transport: asyncio.Transport, begun: BegunAnswer) -> bool:
        """Send the rest of an answer whose stream is counted already; False where the connection was cut instead."""
        exchange, media = begun.exchange, begun.admission.media
        try:
            async with begun.admission.storage.adapter.open(media.object_key, begun.stat) as stored:
                if stored.stat == begun.stat:
                    sock = transport.get_extra_info("socket")
                    wire = SocketWire(
                        transport, sock, self._stall_timeout, self._turns, begun.sent, is_full=begun.is_cut_short
                    )
                    return await _run(wire, begun.head, begun.rest, stored, exchange)
        except Exception as error:  # noqa: BLE001 - whatever it was, the head or a part of it may have been sent
            _log.warning("a body cannot be finished", extra={"cause": str(error), "request_id": exchange.request_id})
        exchange.outcome = "aborted"
        transport.abort()
        return False


def _connection(*, keep_alive: bool) -> str:
    return "Connection: keep-alive\r\n" if keep_alive else "Connection: close\r\n"


# What the kernel reports of a connection. Anything else (EIO, EMFILE, ENOMEM) is this process's or this machine's own.
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


async def _run(wire: Wire, head: bytes, body: tuple[Segment, ...], stored: StoredObject, exchange: Exchange) -> bool:
    """Send what the wire has not sent of the head, and the body; False where the connection was cut instead."""
    try:
        return await _deliver(wire, head[wire.sent :], body, stored, exchange)
    finally:
        wire.close()
        exchange.sent = max(wire.sent - len(head), 0)


async def _deliver(
    wire: Wire, head: bytes, body: tuple[Segment, ...], stored: StoredObject, exchange: Exchange
) -> bool:
    """Send head and body; False where the connection was cut instead."""
    try:
        await _send(wire, head, body, stored)
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
    except Exception:  # noqa: BLE001 - whatever it was, it must not become a second answer inside the first
        exchange.outcome = "aborted"
        _log.exception("a stream failed", extra={"request_id": exchange.request_id})
    else:
        return True
    wire.abort()
    return False


async def _send(wire: Wire, head: bytes, body: tuple[Segment, ...], stored: StoredObject) -> None:
    pending = head  # waits for the first bytes of the object
    for segment in body:
        if isinstance(segment, bytes):
            pending += segment
        else:
            await _send_span(wire, pending, segment, stored)
            pending = b""
    if pending:
        await wire.write(pending)


async def _send_span(wire: Wire, pending: bytes, span: ByteSpan, stored: StoredObject) -> None:
    offset, length = span
    if isinstance(stored, ZeroCopy):
        while length:
            # Each piece is asked for anew, so that a file that is written to meanwhile is noticed.
            piece = stored.file_piece(offset, min(length, _PIECE_BYTES))
            if piece is None:
                break
            await wire.send_file(pending, piece)
            pending = b""
            offset += piece.length
            length -= piece.length
    if length:
        await _copy(wire, pending, offset, length, stored)


async def _copy(wire: Wire, pending: bytes, offset: int, length: int, stored: StoredObject) -> None:
    async with aclosing(stored.read(offset, length)) as chunks:
        async for chunk in chunks:
            length -= len(chunk)
            if length < 0:
                break
            await wire.write(pending + chunk if pending else chunk)
            pending = b""
    # aiohttp does not compare a body with its promised length; a wrong one would poison the connection.
    if length:
        raise StorageError("", f"the storage sent {-length:+} bytes more than were asked for")
