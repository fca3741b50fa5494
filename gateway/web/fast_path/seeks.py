"""Seeks: a request that differs from an answered one in nothing but its range is answered at once.

Knows: what was decided of a head. Refuses to know: how a head is parsed and a reader judged. That was done on the
ordinary way, which takes whatever is not plain here.

Everything that is decided of a request, but for its range, is decided by its bytes, so the same bytes need no
second look while the admission holds (`known_heads`): there is nothing to parse differently. Nothing is waited for
here. Where one would have to wait (for a page that is not in memory, for a socket that takes no more), the ordinary
way goes on: with the request, or with the rest of its answer.

What is remembered holds credentials as they were sent, in memory alone, as Admissions does.
"""

import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

from aiohttp import hdrs, web

from gateway.protocol.conditional import Conditions
from gateway.protocol.ranges import plain_span
from gateway.web.acceptor import ByteServices
from gateway.web.bytes.admissions import Admission
from gateway.web.bytes.begun_answer import BegunAnswer
from gateway.web.bytes.conditions import conditions_of
from gateway.web.bytes.heads import SpanHead
from gateway.web.bytes.socket_wire import AT_ONCE_BYTES, send_at_once
from gateway.web.exchange import EXCHANGE, Exchange, new_request_id
from gateway.web.fast_path.fast_connection import FastConnection
from gateway.web.fast_path.known_heads import is_plain, split_head
from storage_adapters.base import Keeping, KeptObject
from storage_adapters.page_cache import is_resident

CAPACITY: Final = 4096


@dataclass(frozen=True, slots=True)
class Seek:
    """What was decided of a request, but for its range, and the object that it was about."""

    admission: Admission
    files: Keeping
    key: str
    stored: KeptObject
    size: int
    head: SpanHead
    route: str
    path: str
    storage: str


class Seeks:
    """Remembers at most CAPACITY requests."""

    def __init__(self, services: ByteServices) -> None:
        self._admissions = services.admissions
        self._cors = services.cors
        self._streams = services.streams
        self._connections = services.connections
        self._journal = services.journal
        self._known: OrderedDict[bytes, Seek] = OrderedDict()

    def learn(self, request: web.Request, admission: Admission) -> None:
        """The request was answered with bytes: the next one like it may be answered at once."""
        connection = request.protocol
        if not isinstance(connection, FastConnection) or not is_plain(request, connection.asked):
            return
        known, figures = split_head(connection.asked)
        # Its range is all that was asked, and was parsed as it is cut out here.
        if conditions_of(request.headers) != Conditions(range=f"bytes={figures}"):
            return
        seek = self._known_of(request, admission)
        if seek is not None:
            self._known[known] = seek
            if len(self._known) > CAPACITY:
                self._known.popitem(last=False)

    def _known_of(self, request: web.Request, admission: Admission) -> Seek | None:
        media, files = admission.media, admission.storage.adapter
        if not isinstance(files, Keeping) or media.missing_at is not None or not self._admissions.holds(admission):
            return None
        stored = files.at_hand(media.object_key)
        if stored is None or stored.stat.etag != media.etag:
            return None
        representation = admission.prepared.represent(stored.stat, now=time.time())
        if not representation.lasts:
            return None
        shared = self._cors.headers(request.headers.get(hdrs.ORIGIN), by_key=admission.by_key)
        told = request[EXCHANGE]
        return Seek(
            admission,
            files,
            media.object_key,
            stored,
            stored.stat.size,
            SpanHead(representation, shared),
            told.route,
            told.path,
            admission.storage.name,
        )

    def prepare(self, connection: FastConnection, head: bytes, started: float) -> BegunAnswer | None:
        """The answer to a head, if that needs no waiting (Answerer)."""
        known, figures = split_head(head)
        seek = self._known.get(known)
        if seek is None or not self._admissions.holds(seek.admission):
            return None
        # Looked at each time: a file that was replaced or removed is another object, or none.
        if seek.files.at_hand(seek.key) is not seek.stored:
            return None
        span = plain_span(figures, seek.size)
        if span is None or span[1] > AT_ONCE_BYTES:
            return None
        return _answer(connection, seek, f"bytes={figures}", span, started)

    def send(self, connection: FastConnection, answer: BegunAnswer) -> bool:
        """Send it; False: the rest, or all of it, is for the ordinary way (Answerer)."""
        if self._connections.is_draining() or not self._streams.has_room():
            return False
        socket_fd, exchange = connection.writable_fd(), answer.exchange
        if socket_fd is None:
            return False
        answer.sent = sent = send_at_once(socket_fd, answer.head, answer.piece)
        exchange.sent = max(sent - len(answer.head), 0)
        if exchange.sent == exchange.promised:
            self._journal.take(exchange)
            return True
        if sent:
            connection.begun = answer
            self._connections.busy.add(connection)
            self._streams.begin()
        return False

    def lose(self, connection: FastConnection, begun: BegunAnswer) -> None:
        """The client left between the two halves of its answer."""
        begun.exchange.outcome = "client_closed"
        self._connections.busy.discard(connection)
        self._streams.end()
        self._journal.take(begun.exchange)


def _answer(
    connection: FastConnection, seek: Seek, asked: str, span: tuple[int, int], started: float
) -> BegunAnswer | None:
    offset, length = span
    piece = seek.stored.piece_at_hand(offset, length)
    if piece is None or not is_resident(*piece):
        return None
    request_id, admission = new_request_id(), seek.admission
    exchange = Exchange(
        request_id,
        seek.route,
        "GET",
        seek.path,
        connection.remote,
        asked,
        started,
        admission.principal,
        None,
        seek.storage,
        seek.head.status,
        length,
    )
    head = seek.head.render(request_id, offset, length)
    return BegunAnswer(exchange, admission, seek.stored.stat, head, offset, piece)
