"""Answers, without parsing them, request heads that differ from earlier ones only in range and request id.

Nothing is awaited here. A request that would have to wait before its first byte (because a page is not in memory, or
too many streams run) is left to aiohttp. If the socket does not take an answer whole, the byte route's pump
(streaming.py) sends the rest in a task of its own.
"""

import asyncio
import logging
from functools import partial
from typing import Final

from aiohttp import web

from gateway.protocol.ranges import plain_span
from gateway.web.acceptor import ByteServices
from gateway.web.bytes.admissions import Admission
from gateway.web.bytes.begun_answer import BegunAnswer
from gateway.web.bytes.bounded_cache import BoundedCache
from gateway.web.bytes.heads import SpanHead
from gateway.web.bytes.paced import granted_at_first
from gateway.web.bytes.socket_wire import HANDED_BYTES, send_now
from gateway.web.connections.outgoing import Stalled
from gateway.web.exchange import Exchange, is_request_id, new_request_id
from gateway.web.fast_path.batches import Sending
from gateway.web.fast_path.fast_connection import FastConnection
from gateway.web.fast_path.known_heads import cut_head, is_plain
from gateway.web.fast_path.remembered import Remembered, remember
from storage_adapters.base import FilePiece
from storage_adapters.page_cache import is_resident

_log: Final = logging.getLogger(__name__)

MAX_HEADS: Final = 4096
MAX_BYTES: Final = 4 * 1024 * 1024

SHORT_BYTES: Final = 2 * 1024 * 1024
"""A body of up to this size is expected to be read to its end, and so is a range that ends before the object does."""
WANTED_BYTES: Final = 4 * 1024 * 1024
"""At most this much of such a body is sent immediately, and may wait unsent in the kernel."""
FIRST_BYTES: Final = 1024 * 1024
"""At most this much of any other body is sent immediately: many players read a little of it and seek away."""
LIMITED_BYTES: Final = 512 * 1024
"""How much of any answer may wait unsent by default (gateway/process/listening.py)."""
SMALL_BYTES: Final = 64 * 1024
"""A body of up to this size is always sent immediately, a longer one only while the loop's turn has bytes left."""


class Seeks:
    """Remembers at most MAX_HEADS heads, of MAX_BYTES together."""

    def __init__(self, services: ByteServices) -> None:
        self._admissions = services.admissions
        self._cors = services.cors
        self._pacing = services.pacing
        self._streamer = services.streamer
        self._streams = services.streams
        self._turns = services.turns
        self._connections = services.connections
        self._journal = services.journal
        self._known: BoundedCache[bytes, Remembered] = BoundedCache(max_entries=MAX_HEADS, max_bytes=MAX_BYTES)

    def learn(self, request: web.Request, admission: Admission) -> None:
        """The byte route has answered the request: remember what it decided."""
        connection = request.protocol
        if not isinstance(connection, FastConnection) or not is_plain(request, connection.asked):
            return
        if not self._admissions.holds(admission):
            return
        remembered = remember(request, admission, self._cors, self._pacing)
        if remembered is not None:
            known, _, _ = cut_head(connection.asked)
            self._known.put(known, remembered, len(known))

    def knows(self, head: bytes) -> bool:
        return self._known.get(cut_head(head)[0]) is not None

    def prepare(self, connection: FastConnection, head: bytes, started: float) -> BegunAnswer | None:
        """The answer to a head, if nothing has to be waited for before its first byte (Answerer)."""
        known, figures, request_id = cut_head(head)
        remembered = self._known.get(known)
        if remembered is None:
            return None
        if not self._admissions.holds(remembered.admission) or not remembered.is_current():
            self._known.drop(known)
            return None
        if request_id is None:
            request_id = new_request_id()
        elif not is_request_id(request_id):
            return None
        return _answer(connection, remembered, figures, request_id, started)

    def send(self, connection: FastConnection, answer: BegunAnswer, *, may_wait: bool) -> Sending:
        """Send the answer, or begin to (Answerer)."""
        if self._connections.is_draining() or not self._streams.has_room(answer.admission.reader):
            return Sending.REFUSED
        socket_fd, exchange, is_full = connection.writable_fd(), answer.exchange, False
        if socket_fd is None:
            return Sending.REFUSED
        if self._turns.left > 0 or exchange.promised <= SMALL_BYTES:
            if answer.is_wanted_whole and exchange.promised > LIMITED_BYTES:
                connection.outgoing.unsent.allow(WANTED_BYTES)
            answer.sent, is_full = send_now(socket_fd, answer.head, answer.piece)
            exchange.sent = answer.body_sent
            self._turns.spend(answer.sent)
            if answer.sent == len(answer.head) + exchange.promised:
                self._journal.take(exchange)
                connection.answered(keep_alive=True)
                return Sending.BEGUN
        elif may_wait:
            return Sending.LATER
        self._go_on(connection, answer, is_full=is_full)
        return Sending.BEGUN

    def _go_on(self, connection: FastConnection, answer: BegunAnswer, *, is_full: bool) -> None:
        """Send the rest once the socket takes more. Most clients that seek away do so before that."""
        outgoing = connection.outgoing
        handed = answer.next_bytes(HANDED_BYTES) if is_full else b""
        self._connections.busy.add(connection)
        self._streams.begin(answer.admission.reader)
        connection.answer_later()
        if not handed:
            self._stream(connection, answer)
            return
        outgoing.hand_over(handed).add_done_callback(partial(self._on_flushed, connection, answer, len(handed)))

    def _on_flushed(
        self, connection: FastConnection, answer: BegunAnswer, handed: int, flushed: "asyncio.Future[None]"
    ) -> None:
        error = flushed.exception()
        if error is not None:
            answer.exchange.outcome = "stalled" if isinstance(error, Stalled) else "client_closed"
            connection.cut()
            self._end(connection, answer, keep_alive=False)
            return
        answer.sent += handed
        answer.exchange.sent = answer.body_sent
        if answer.body_sent == answer.exchange.promised:
            self._end(connection, answer, keep_alive=True)
            return
        self._stream(connection, answer)

    def _stream(self, connection: FastConnection, answer: BegunAnswer) -> None:
        stream = self._turns.loop.create_task(self._streamer.resume(connection.outgoing, answer))
        stream.add_done_callback(partial(self._on_streamed, connection, answer))
        connection.stream = stream

    def _on_streamed(self, connection: FastConnection, answer: BegunAnswer, stream: "asyncio.Task[bool]") -> None:
        """Record how the stream ended, and end the answer."""
        exchange, keep_alive = answer.exchange, False
        if stream.cancelled():
            exchange.outcome = "client_closed"
        elif error := stream.exception():
            exchange.outcome = "aborted"
            _log.error("a stream failed", exc_info=error, extra={"request_id": exchange.request_id})
            connection.cut()
        else:
            keep_alive = stream.result()
        self._end(connection, answer, keep_alive=keep_alive)

    def _end(self, connection: FastConnection, answer: BegunAnswer, *, keep_alive: bool) -> None:
        """Report the answer and release its stream, however it ended."""
        self._streams.end(answer.admission.reader)
        self._connections.busy.discard(connection)
        self._journal.take(answer.exchange)
        connection.answered(keep_alive=keep_alive and not self._connections.is_draining())


def _answer(
    connection: FastConnection, remembered: Remembered, figures: str | None, request_id: str, started: float
) -> BegunAnswer | None:
    response, asked = remembered.head, None
    offset, length = 0, remembered.length
    if figures is not None:
        span, asked = plain_span(figures, remembered.size), f"bytes={figures}"
        if span is None:
            return None
        if isinstance(response, SpanHead):
            offset, length = span
    is_wanted_whole = length <= SHORT_BYTES or offset + length < remembered.size
    piece = _first_piece(remembered, offset, min(length, WANTED_BYTES if is_wanted_whole else FIRST_BYTES))
    if length and piece is None:
        return None
    head = (
        response.render(request_id, offset, length) if isinstance(response, SpanHead) else response.render(request_id)
    )
    like = remembered.exchange
    exchange = Exchange(
        request_id,
        like.route,
        like.method,
        like.path,
        connection.remote,
        asked,
        started,
        like.principal,
        None,
        like.storage,
        response.status,
        length,
        by_key=like.by_key,
        key_id=like.key_id,
    )
    stat, pace = remembered.stored.stat, remembered.pace
    return BegunAnswer(exchange, remembered.admission, stat, head, offset, piece, pace, is_wanted_whole)


def _first_piece(remembered: Remembered, offset: int, length: int) -> FilePiece | None:
    """The first of these bytes as a file piece; None unless they are in an open file and in memory."""
    if not length:
        return None
    if remembered.pace is not None:
        length = granted_at_first(remembered.pace, offset, length)
    stored = remembered.stored
    piece = stored.piece_at_hand(offset, length)
    if piece is None and length > SMALL_BYTES:
        # The span may go on in another cached slice. A stream can send the rest from there.
        piece = stored.piece_at_hand(offset, SMALL_BYTES)
    return piece if piece is not None and is_resident(*piece) else None
