"""Answers together the heads that arrive in one turn of the event loop.

Each system call that sends an answer evicts Python's code and data from the processor's caches. Preparing all answers
first and sending them afterwards costs up to a fifth less CPU time (docs/hot-path.md).
"""

import asyncio
import logging
import time
from collections import deque
from enum import Enum
from typing import Final, NamedTuple, Protocol

from gateway.web.bytes.begun_answer import BegunAnswer
from gateway.web.fast_path.fast_connection import FastConnection

_log: Final = logging.getLogger(__name__)

BATCH: Final = 32
"""At most this many heads are prepared before the first is sent; that takes less than a millisecond."""


class NotNow(Enum):
    """Why a head is not answered now."""

    REFUSED = "aiohttp is to answer"
    LATER = "this turn of the loop sends enough already"


class Answerer(Protocol):
    """Answers a head in two steps. Nothing is awaited between `begin` and the last step of the last head."""

    def knows(self, head: bytes) -> bool:
        """Whether an answer to such a head is remembered; it may have to be judged anew."""

    def begin(self) -> None:
        """Several heads, all of which have arrived, are going to be prepared and then sent."""

    def prepare(
        self, connection: FastConnection, head: bytes, started: float, *, may_wait: bool
    ) -> BegunAnswer | NotNow:
        """The answer to a head that arrived at `started` (`time.perf_counter`); LATER only if it `may_wait`."""

    def send(self, connection: FastConnection, answer: BegunAnswer) -> bool:
        """Send the answer, or begin to. Returns False if aiohttp has to answer.

        Once it is complete, `answered` of the connection is called; until then the connection's `is_answering` is true.
        """


class Offered(NamedTuple):
    """A head that arrived at `started`."""

    connection: FastConnection
    head: bytes
    started: float


class Batch:
    """The heads that have arrived in this turn of the loop, and those that wait for the next turn (Heads)."""

    def __init__(self, answerer: Answerer) -> None:
        self.answerer = answerer
        self.loop = asyncio.get_running_loop()
        self._arrived: list[Offered] = []
        self._later: deque[Offered] = deque()
        self._is_due = False

    def knows(self, head: bytes) -> bool:
        return self.answerer.knows(head)

    def add(self, connection: FastConnection, head: bytes) -> None:
        """Answer the head in this turn of the loop, or soon: it is sent, begun, or handed on to aiohttp."""
        self._arrived.append(Offered(connection, head, time.perf_counter()))
        self._settle_soon()
        if len(self._arrived) >= BATCH:
            self._settle()

    def settle(self, connection: FastConnection) -> None:
        """Answer the connection's head now. The other heads go on waiting, so that a turn of the loop stays short."""
        for waiting in (self._arrived, self._later):
            for offered in waiting:
                if offered.connection is connection:
                    waiting.remove(offered)
                    self.answerer.begin()
                    self._send(offered, self._prepare(offered, may_wait=False))
                    return

    def _settle_soon(self) -> None:
        if not self._is_due:
            self._is_due = True
            self.loop.call_soon(self._on_turn)

    def _on_turn(self) -> None:
        self._is_due = False
        self._settle()

    def _settle(self) -> None:
        """Answer the heads that waited, as many as this turn has bytes for, and then those that have arrived."""
        arrived, self._arrived = self._arrived, []
        ready: list[tuple[Offered, BegunAnswer | NotNow]] = []
        self.answerer.begin()
        while self._later and len(ready) < BATCH:
            answer = self._prepare(self._later[0], may_wait=True)
            if answer is NotNow.LATER:
                break
            ready.append((self._later.popleft(), answer))
        for each in arrived:
            answer = self._prepare(each, may_wait=True)
            if answer is NotNow.LATER:
                self._later.append(each)
            else:
                ready.append((each, answer))
        for each, answer in ready:
            self._send(each, answer)
        if self._later:
            self._settle_soon()

    # An error in one answer must not fail the whole batch: whatever the error is, it ends only its own connection.

    def _prepare(self, offered: Offered, *, may_wait: bool) -> BegunAnswer | NotNow:
        try:
            return self.answerer.prepare(*offered, may_wait=may_wait)
        except Exception:  # noqa: BLE001 - see above
            _log.exception("the fast path cannot prepare an answer")
            offered.connection.cut()
        return NotNow.REFUSED

    def _send(self, offered: Offered, answer: BegunAnswer | NotNow) -> None:
        connection, head, _ = offered
        try:
            if isinstance(answer, NotNow) or not self.answerer.send(connection, answer):
                connection.hand_on(head)
        except Exception:  # noqa: BLE001 - see above
            _log.exception("the fast path cannot send an answer")
            connection.cut()
