"""Responds to request heads without parsing them, if they differ from earlier ones only in what head_keys.py removes.

Nothing is awaited here. A request that would have to wait before its first byte (because a page is not in memory, or
too many streams run) is left to aiohttp. If the socket does not take a response whole, the byte route's pump
(streaming.py) sends the rest in a task of its own. The pump also sends responses from remote storage backends; if the
backend fails before its first byte, aiohttp responds with that failure.
"""

import asyncio
import logging
from functools import partial
from typing import Final

from aiohttp import web

from gateway.web.acceptor import ByteServices
from gateway.web.bytes.admissions import Admission
from gateway.web.bytes.bounded_cache import BoundedCache
from gateway.web.bytes.socket_wire import HANDOVER_BYTES, send_now
from gateway.web.bytes.started_response import StartedResponse
from gateway.web.connections.outgoing import Stalled
from gateway.web.exchange import is_request_id, new_request_id
from gateway.web.fast_path.composed_responses import SMALL_BYTES, WANTED_BYTES, compose_response, requested_span
from gateway.web.fast_path.fast_connection import FastConnection
from gateway.web.fast_path.head_batcher import NotPrepared
from gateway.web.fast_path.head_keys import split_head, without_ignored
from gateway.web.fast_path.response_template import ResponseTemplate, make_template
from storage_adapters.base import OpenObject, StorageError

_log: Final = logging.getLogger(__name__)

MAX_HEADS: Final = 4096
MAX_BYTES: Final = 4 * 1024 * 1024
LIMITED_BYTES: Final = 512 * 1024
"""How much of any response may wait unsent by default (gateway/process/listening.py)."""


class FastResponder:
    """A Responder with a cache of at most MAX_HEADS templates, whose keys have at most MAX_BYTES together."""

    def __init__(self, services: ByteServices) -> None:
        self._admissions = services.admissions
        self._cors = services.cors
        self._pacing = services.pacing
        self._streamer = services.streamer
        self._streams = services.streams
        self._turns = services.turns
        self._connections = services.connections
        self._journal = services.journal
        # The objects that were seen to be current, and the bytes that are going to be sent, since `begin_batch`.
        self._current: set[OpenObject] = set()
        self._planned = 0
        self._templates = BoundedCache[bytes, ResponseTemplate](max_entries=MAX_HEADS, max_bytes=MAX_BYTES)

    def learn(self, request: web.Request, admission: Admission) -> None:
        """The byte route has answered the request: cache a template of its response."""
        connection = request.protocol
        if not isinstance(connection, FastConnection) or not self._admissions.holds(admission):
            return
        template = make_template(request, connection.request_head, admission, self._cors, self._pacing)
        if template is not None:
            key, _, _ = split_head(without_ignored(connection.request_head))
            self._templates.put(key, template, len(key))

    def recognises(self, head: bytes) -> bool:
        return self._templates.get(split_head(without_ignored(head))[0]) is not None

    def begin_batch(self) -> None:
        """Heads that have arrived are going to be prepared and sent (Responder)."""
        self._current.clear()
        self._planned = 0

    def prepare(
        self, connection: FastConnection, head: bytes, started: float, *, may_wait: bool
    ) -> StartedResponse | NotPrepared:
        """The response to a head, if nothing has to be waited for before its first byte (Responder)."""
        template, range_set, request_id = self._recognise(connection, head)
        span = None if template is None else requested_span(template, range_set)
        if template is None or span is None:
            return NotPrepared.DECLINED
        if may_wait and span[1] > SMALL_BYTES and self._turns.left <= self._planned:
            return NotPrepared.DEFERRED
        if request_id is None:
            request_id = new_request_id()
        elif not is_request_id(request_id):
            return NotPrepared.DECLINED
        response = compose_response(connection, template, range_set, span, request_id, started=started)
        if response is None:
            return NotPrepared.DECLINED
        if response.piece is not None:
            self._planned += response.piece.length
        response.request = head
        return response

    def _recognise(
        self, connection: FastConnection, head: bytes
    ) -> tuple[ResponseTemplate | None, str | None, str | None]:
        """The valid template for such a head, its range-set, and its request id."""
        last = connection.last_template
        if last is not None:
            if last.has_ignored:
                head = without_ignored(head)
            range_set = last.range_set_of(head)
            if range_set is not None and self._is_valid(last):
                return last, range_set, None
        key, range_set, request_id = split_head(head)
        template = self._templates.get(key)
        if template is None and len(plain := without_ignored(head)) < len(head):
            key, range_set, request_id = split_head(plain)
            template = self._templates.get(key)
        if template is not None and not self._is_valid(template):
            self._templates.drop(key)
            template = None
        connection.last_template = template
        return template, range_set, request_id

    def _is_valid(self, template: ResponseTemplate) -> bool:
        """Whether the admission holds, and the object is the version that was decided about.

        One look at the object suffices for all heads that are prepared together, since all had arrived before that.
        """
        if not self._admissions.holds(template.admission):
            return False
        stored = template.stored
        if stored is None:
            return template.is_current()
        if stored not in self._current:
            if not template.is_current():
                return False
            self._current.add(stored)
        return True

    def send(self, connection: FastConnection, response: StartedResponse) -> bool:
        """Send the response, or begin to (Responder)."""
        socket_fd, has_room = connection.writable_fd(), self._streams.has_room(response.admission.reader)
        if socket_fd is None or not has_room or self._connections.is_draining():
            return False
        exchange, promised, is_full = response.exchange, response.exchange.promised, False
        if promised and response.piece is None:
            # The head waits for the first bytes, which the storage backend may still refuse.
            self._send_later(connection, response, is_full=False)
            return True
        if promised <= SMALL_BYTES or self._turns.left > 0:
            if promised > LIMITED_BYTES and response.is_wanted_whole:
                connection.outgoing.unsent.allow(WANTED_BYTES)
            response.sent, is_full = send_now(socket_fd, response.head, response.piece)
            self._turns.spend(response.sent)
            if response.sent == len(response.head) + promised:
                exchange.sent = promised
                self._journal.take(exchange)
                connection.complete_response(keep_alive=response.keep_alive)
                return True
            exchange.sent = response.body_sent
        self._send_later(connection, response, is_full=is_full)
        return True

    def _send_later(self, connection: FastConnection, response: StartedResponse, *, is_full: bool) -> None:
        """Send the rest once the socket takes more. Most clients that seek away do so before that."""
        outgoing = connection.outgoing
        handed = response.read_unsent(HANDOVER_BYTES) if is_full else b""
        self._connections.busy.add(connection)
        self._streams.begin(response.admission.reader)
        connection.respond_later()
        if not handed:
            self._stream(connection, response)
            return
        outgoing.hand_over(handed).add_done_callback(partial(self._on_flushed, connection, response, len(handed)))

    def _on_flushed(
        self, connection: FastConnection, response: StartedResponse, handed: int, flushed: "asyncio.Future[None]"
    ) -> None:
        if (error := flushed.exception()) is not None:
            response.exchange.outcome = "stalled" if isinstance(error, Stalled) else "client_closed"
            connection.cut()
            self._end(connection, response, is_whole=False)
            return
        response.sent += handed
        response.exchange.sent = response.body_sent
        if response.body_sent == response.exchange.promised:
            self._end(connection, response, is_whole=True)
            return
        self._stream(connection, response)

    def _stream(self, connection: FastConnection, response: StartedResponse) -> None:
        stream = connection.stream = self._turns.loop.create_task(self._send_rest(connection, response))
        stream.add_done_callback(partial(self._on_stream_done, connection, response))

    async def _send_rest(self, connection: FastConnection, response: StartedResponse) -> None:
        """Send the rest, and end the response in the same turn of the loop: the next request may arrive after that."""
        exchange, is_whole = response.exchange, False
        try:
            is_whole = await self._streamer.resume(connection.outgoing, response)
        except StorageError as failure:
            # Nothing was sent: aiohttp answers with the failure.
            self._release(connection, response)
            connection.fall_back_after(response.request, failure)
            return
        except Exception:  # noqa: BLE001 - whatever it was, it ends this response only
            exchange.outcome = "aborted"
            _log.exception("a stream failed", extra={"request_id": exchange.request_id})
            connection.cut()
        self._end(connection, response, is_whole=is_whole)

    def _on_stream_done(self, connection: FastConnection, response: StartedResponse, task: asyncio.Task[None]) -> None:
        """End the response of a stream that was cancelled, perhaps before it ran."""
        if task.cancelled():
            response.exchange.outcome = "client_closed"
            self._end(connection, response, is_whole=False)

    def _end(self, connection: FastConnection, response: StartedResponse, *, is_whole: bool) -> None:
        """Report the response and release its stream, however it ended."""
        self._release(connection, response)
        self._journal.take(response.exchange)
        keep_alive = is_whole and response.keep_alive and not self._connections.is_draining()
        connection.complete_response(keep_alive=keep_alive)

    def _release(self, connection: FastConnection, response: StartedResponse) -> None:
        self._streams.end(response.admission.reader)
        self._connections.busy.discard(connection)
