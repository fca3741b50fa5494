"""send: the only code that writes a body.

Knows: how a plan's head becomes bytes, in which order segments go out, and what a broken promise costs.
Refuses to know: why the plan says what it says.

Nothing is written before the first byte of the object is at hand, so trouble up to then is still an answer
(StorageError passes through). After it there is only the dropped connection: a body that cannot be finished is
cut, never ended. Nothing else escapes: aiohttp would write its error page into the body.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Iterable
from contextlib import aclosing
from functools import lru_cache
from http import HTTPStatus
from typing import Final

from aiohttp import web

from gateway.errors import Unavailable
from gateway.protocol.delivery import DeliveryPlan, Header, Segment
from gateway.protocol.http_date import format_http_date
from gateway.protocol.ranges import ByteSpan
from gateway.web.exchange import EXCHANGE, Exchange
from gateway.web.responses import SentResponse, sent_response
from gateway.web.wire import Stalled, Wire, open_wire
from storage_adapters.base import FilePiece, StorageError, StoredObject, ZeroCopy

_log: Final = logging.getLogger(__name__)

_PIECE_BYTES: Final = 1024 * 1024
_STATUS_LINES: Final = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in HTTPStatus}


@lru_cache(maxsize=4096)
def _render_fixed(headers: tuple[Header, ...]) -> str:
    return _render(headers)


def _render(headers: Iterable[Header]) -> str:
    return "".join([f"{name}: {value}\r\n" for name, value in headers])


def render_head(
    status: int, fixed: tuple[Header, ...], varying: Iterable[Header], connection: str | None, *, now: float
) -> bytes:
    """The response head (RFC 9112 section 4).

    `fixed` headers repeat from answer to answer; `connection` is that field's value, or None for the default.
    """
    closing = "" if connection is None else f"Connection: {connection}\r\n"
    date = format_http_date(int(now))
    head = f"{_STATUS_LINES[status]}Date: {date}\r\n{_render_fixed(fixed)}{_render(varying)}{closing}\r\n"
    return head.encode("latin-1")


class _Body:
    """A plan's body on its way. `pending` is what waits for the first bytes of the object."""

    __slots__ = ("_pending", "_stored", "_wire", "started")

    def __init__(self, wire: Wire, head: bytes, stored: StoredObject) -> None:
        self._wire = wire
        self._pending = head
        self._stored = stored
        self.started = False

    async def send(self, segments: tuple[Segment, ...]) -> None:
        for segment in segments:
            if isinstance(segment, bytes):
                self._pending += segment
            else:
                await self._send_span(segment)
        await self._write()

    async def _write(self, more: bytes = b"") -> None:
        data, self._pending = self._pending + more if self._pending else more, b""
        if data:
            self.started = True
            await self._wire.write(data)

    async def _send_span(self, span: ByteSpan) -> None:
        offset = span.offset
        while offset < span.end:
            length = span.end - offset
            # Piece by piece, since each is asked for anew: a file that is written to meanwhile is noticed.
            piece = self._file_piece(offset, min(length, _PIECE_BYTES))
            if piece is None:
                return await self._copy(offset, length)
            await self._write()
            await self._wire.send_file(piece)
            offset += piece.length
        return None

    def _file_piece(self, offset: int, length: int) -> FilePiece | None:
        return self._stored.file_piece(offset, length) if isinstance(self._stored, ZeroCopy) else None

    async def _copy(self, offset: int, length: int) -> None:
        async with aclosing(self._stored.read(offset, length)) as chunks:
            async for chunk in chunks:
                length -= len(chunk)
                if length < 0:
                    break
                await self._write(chunk)
        # aiohttp does not compare a body with its promised length; a wrong one would poison the connection.
        if length:
            raise StorageError("", f"the storage sent {-length:+} bytes more than were asked for")


class Streams:
    """The streams that run now: at most `limit`; `on_change` is told how many."""

    def __init__(self, limit: int, on_change: Callable[[int], None]) -> None:
        self._limit = limit
        self._on_change = on_change
        self._idle = asyncio.Event()
        self._idle.set()
        self.running = 0

    def __enter__(self) -> None:
        if self.running >= self._limit:
            raise Unavailable("Too many streams are running", retry_after_seconds=1)
        self._idle.clear()
        self._change(1)

    def __exit__(self, *_: object) -> None:
        self._change(-1)
        if not self.running:
            self._idle.set()

    def _change(self, by: int) -> None:
        self.running += by
        self._on_change(self.running)

    async def wait_idle(self) -> None:
        """Return once no stream runs."""
        await self._idle.wait()


class Streamer:
    """Sends planned deliveries.

    `stall_timeout_seconds` is how long a client may read nothing at all; `is_draining` says whether
    connections should close behind their answers.
    """

    def __init__(self, streams: Streams, *, stall_timeout_seconds: float, is_draining: Callable[[], bool]) -> None:
        self._streams = streams
        self._stall_timeout = stall_timeout_seconds
        self._is_draining = is_draining

    async def send(
        self, request: web.Request, plan: DeliveryPlan, extra: tuple[Header, ...], stored: StoredObject
    ) -> SentResponse:
        """Write the plan's head, with the `extra` headers, and its body.

        Raises StorageError or Unavailable while nothing was written; afterwards every trouble ends in a cut
        connection and a word in `request[EXCHANGE].outcome`.
        """
        exchange = request[EXCHANGE]
        keep_alive = bool(request.keep_alive) and not self._is_draining()
        with self._streams:
            exchange.status, exchange.promised = plan.status, plan.content_length
            transport = request.transport
            if transport is None:
                exchange.outcome = "client_closed"
                return sent_response(plan.status, keep_alive=False)
            connection = _connection(request, keep_alive=keep_alive)
            head = render_head(plan.status, plan.fixed, (*plan.varying, *extra), connection, now=time.time())
            wire = open_wire(request, transport, self._stall_timeout)
            try:
                whole = await _deliver(_Body(wire, head, stored), wire, plan, exchange)
            finally:
                wire.close()
                exchange.sent = max(wire.sent - len(head), 0)
        return sent_response(plan.status, keep_alive=keep_alive and whole)


def _connection(request: web.Request, *, keep_alive: bool) -> str | None:
    if not keep_alive:
        return "close"
    # HTTP/1.0 closes unless told otherwise (RFC 9112 section 9.3).
    return "keep-alive" if request.version < (1, 1) else None


async def _deliver(body: _Body, wire: Wire, plan: DeliveryPlan, exchange: Exchange) -> bool:
    """Send the body; False where the connection was cut instead."""
    try:
        await body.send(plan.body)
    except asyncio.CancelledError:
        exchange.outcome = "client_closed"
        wire.abort()
        raise
    except StorageError as error:
        if not body.started:
            raise
        exchange.outcome = "aborted"
        _log.warning(
            "promised bytes cannot be produced", extra={"cause": str(error), "request_id": exchange.request_id}
        )
    except Stalled:
        exchange.outcome = "stalled"
    except OSError:
        exchange.outcome = "client_closed"
    except Exception:  # noqa: BLE001 - whatever it was, it must not become a second answer inside the first
        exchange.outcome = "aborted"
        _log.exception("a stream failed", extra={"request_id": exchange.request_id})
    else:
        return True
    wire.abort()
    return False
