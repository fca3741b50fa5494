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


class Sending(Enum):
    """What became of an answer that was to be sent."""

    BEGUN = "it was sent, or begun"
    REFUSED = "aiohttp is to answer"
    LATER = "this turn of the loop has sent enough"


class Answerer(Protocol):
    """Answers a head in two steps. Nothing is awaited between them, but steps of other answers may run between them."""

    def knows(self, head: bytes) -> bool:
        """Whether an answer to such a head is remembered; it may have to be judged anew."""
        ...

    def prepare(self, connection: FastConnection, head: bytes, started: float) -> BegunAnswer | None:
        """The answer to a head that arrived at `started` (`time.perf_counter`); None if aiohttp has to answer."""
        ...

    def send(self, connection: FastConnection, answer: BegunAnswer, *, may_wait: bool) -> Sending:
        """Send the answer, or begin to. Return LATER only if it `may_wait`; it is then prepared again in a later turn.

        Once it is complete, `answered` of the connection is called; until then the connection's `is_answering` is true.
        """
        ...


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

    def knows(self, head: bytes) -> bool:
        return self.answerer.knows(head)

    def add(self, connection: FastConnection, head: bytes) -> None:
        """Answer the head in this turn of the loop, or soon: it is sent, begun, or handed on to aiohttp."""
        arrived = self._arrived
        arrived.append(Offered(connection, head, time.perf_counter()))
        if len(arrived) == 1:
            self.loop.call_soon(self._settle)
        elif len(arrived) >= BATCH:
            self._settle()

    def settle(self) -> None:
        """Answer all heads that wait, now."""
        self._arrived = [*self._later, *self._arrived]
        self._later.clear()
        self._settle(may_wait=False)

    def _settle(self, *, may_wait: bool = True) -> None:
        arrived, self._arrived = self._arrived, []
        answers = [self._prepare(each) for each in arrived]
        was_empty = not self._later
        for each, answer in zip(arrived, answers, strict=True):
            if not self._send(each, answer, may_wait=may_wait):
                self._later.append(each)
        if self._later and was_empty:
            self.loop.call_soon(self._go_on)

    def _go_on(self) -> None:
        """Answer as many of the waiting heads as this turn has bytes for."""
        while self._later:
            each = self._later[0]
            if not self._send(each, self._prepare(each), may_wait=True):
                self.loop.call_soon(self._go_on)
                return
            self._later.popleft()

    # An error in one answer must not fail the whole batch: whatever the error is, it ends only its own connection.

    def _prepare(self, offered: Offered) -> BegunAnswer | None:
        try:
            return self.answerer.prepare(*offered)
        except Exception:  # noqa: BLE001 - see above
            _log.exception("the fast path cannot prepare an answer")
            offered.connection.cut()
        return None

    def _send(self, offered: Offered, answer: BegunAnswer | None, *, may_wait: bool) -> bool:
        """Return False if the answer has to wait for a later turn."""
        connection, head, _ = offered
        try:
            done = Sending.REFUSED if answer is None else self.answerer.send(connection, answer, may_wait=may_wait)
            if done is Sending.REFUSED:
                connection.hand_on(head)
        except Exception:  # noqa: BLE001 - see above
            _log.exception("the fast path cannot send an answer")
            connection.cut()
            return True
        return done is not Sending.LATER
