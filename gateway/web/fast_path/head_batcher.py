"""Responds together to the heads that arrive in one turn of the event loop.

Each system call that sends a response evicts Python's code and data from the processor's caches. Preparing all
responses first and sending them afterwards costs up to a fifth less CPU time (docs/hot-path.md).
"""

import asyncio
import logging
import time
from collections import deque
from enum import Enum
from typing import Final, Protocol

from gateway.web.bytes.started_response import StartedResponse
from gateway.web.fast_path.fast_connection import FastConnection

_log: Final = logging.getLogger(__name__)

MAX_BATCH: Final = 32
"""At most this many heads are prepared before the first is sent; that takes less than a millisecond."""


class NotPrepared(Enum):
    """Why there is no response to a head now."""

    DECLINED = "aiohttp is to respond"
    DEFERRED = "this turn of the loop sends enough already"


class Responder(Protocol):
    """Responds to a head in two steps. Nothing is awaited between `begin_batch` and the last step of the last head."""

    def recognises(self, head: bytes) -> bool:
        """Whether a template for such a head is cached; it may be out of date."""

    def begin_batch(self) -> None:
        """Several heads, all of which have arrived, are going to be prepared and then sent."""

    def prepare(
        self, connection: FastConnection, head: bytes, started: float, *, may_wait: bool
    ) -> StartedResponse | NotPrepared:
        """The response to a head that arrived at `started` (`time.perf_counter`); DEFERRED only if it `may_wait`."""

    def send(self, connection: FastConnection, response: StartedResponse) -> bool:
        """Send the response, or begin to. Returns False if aiohttp has to respond.

        Once it is sent, `complete_response` of the connection is called; until then its `is_responding` is true.
        """


PendingHead = tuple[FastConnection, bytes, float]
"""A connection, the head that it has received, and the time at which that arrived."""


class HeadBatcher:
    """The heads that have arrived in this turn of the loop, and those that wait for the next turn (Batcher)."""

    def __init__(self, responder: Responder) -> None:
        self.responder = responder
        self.loop = asyncio.get_running_loop()
        self._arrived: list[PendingHead] = []
        self._deferred: deque[PendingHead] = deque()
        self._latest: FastConnection | None = None
        self._is_due = False

    def recognises(self, head: bytes) -> bool:
        return self.responder.recognises(head)

    def add(self, connection: FastConnection, head: bytes) -> None:
        """Respond to the head in this turn of the loop, or soon; the response may be left to aiohttp."""
        arrived = self._arrived
        arrived.append((connection, head, time.perf_counter()))
        if len(arrived) >= MAX_BATCH or (connection is self._latest and len(arrived) == 1):
            # Either these are enough, or no other connection has sent a head since this one's last: do not wait for one.
            self._flush()
        elif not self._is_due:
            self._flush_soon()
        self._latest = connection

    def flush(self, connection: FastConnection) -> None:
        """Respond to the connection's head now. The others go on waiting, so that a turn of the loop stays short."""
        for heads in (self._arrived, self._deferred):
            for pending in heads:
                if pending[0] is connection:
                    heads.remove(pending)
                    self.responder.begin_batch()
                    self._send(pending, self._prepare(pending, may_wait=False))
                    return

    def _flush_soon(self) -> None:
        self._is_due = True
        self.loop.call_soon(self._on_turn)

    def _on_turn(self) -> None:
        self._is_due = False
        self._flush()

    def _flush(self) -> None:
        """Respond to the heads that waited, as many as this turn has bytes for, and then those that have arrived."""
        arrived, self._arrived = self._arrived, []
        ready: list[tuple[PendingHead, StartedResponse | NotPrepared]] = []
        self.responder.begin_batch()
        while self._deferred and len(ready) < MAX_BATCH:
            response = self._prepare(self._deferred[0], may_wait=True)
            if response is NotPrepared.DEFERRED:
                break
            ready.append((self._deferred.popleft(), response))
        for each in arrived:
            response = self._prepare(each, may_wait=True)
            if response is NotPrepared.DEFERRED:
                self._deferred.append(each)
            else:
                ready.append((each, response))
        for each, response in ready:
            self._send(each, response)
        if self._deferred and not self._is_due:
            self._flush_soon()

    # An error in one response must not fail the whole batch: whatever the error is, it ends only its own connection.

    def _prepare(self, pending: PendingHead, *, may_wait: bool) -> StartedResponse | NotPrepared:
        try:
            return self.responder.prepare(*pending, may_wait=may_wait)
        except Exception:  # noqa: BLE001 - see above
            _log.exception("the fast path cannot prepare a response")
            pending[0].cut()
        return NotPrepared.DECLINED

    def _send(self, pending: PendingHead, response: StartedResponse | NotPrepared) -> None:
        connection, head, _ = pending
        try:
            if isinstance(response, NotPrepared) or not self.responder.send(connection, response):
                connection.fall_back(head)
        except Exception:  # noqa: BLE001 - see above
            _log.exception("the fast path cannot send a response")
            connection.cut()
