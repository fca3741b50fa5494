"""The heads that arrived in one turn of the event loop, answered together.

Knows: who waits for an answer at once, and in which order. Refuses to know: what is answered.

A seek by itself runs its Python code cold: what the kernel does to send an answer has taken the caches meanwhile.
So the seeks that a busy loop finds at once are prepared one behind the other, and then sent one behind the other;
each costs a fifth less than by itself (docs/hot-path.md). At most BATCH wait for each other, and none for anything
else: the loop comes by when it has read every connection that had something to read.
"""

import asyncio
import logging
import time
from typing import Final, Protocol

from gateway.web.fast_path.connection import Answer, Connection

_log: Final = logging.getLogger(__name__)

BATCH: Final = 32
"""Preparing so many takes less than a millisecond."""


class Answerer(Protocol):
    """Who may answer at once. Nothing is awaited between the two halves, but others' halves lie between them."""

    def prepare(self, connection: Connection, head: bytes, started: float) -> Answer | None:
        """The answer to a head that arrived at `started` (`time.perf_counter`); None: it is for the ordinary way."""
        ...

    def send(self, connection: Connection, answer: Answer) -> bool:
        """Send it; False: the rest, or all of it, is for the ordinary way."""
        ...

    def lose(self, connection: Connection, begun: Answer) -> None:
        """The connection is gone, with an answer that was begun."""
        ...


class Arrivals:
    """The heads that have not been answered yet (AtOnce)."""

    def __init__(self, answerer: Answerer) -> None:
        self._answerer = answerer
        self._waiting: list[tuple[Connection, bytes, float]] = []

    def take(self, connection: Connection, head: bytes) -> None:
        """Answer the head in this turn of the loop."""
        waiting = self._waiting
        waiting.append((connection, head, time.perf_counter()))
        if len(waiting) == 1:
            asyncio.get_running_loop().call_soon(self.settle)
        elif len(waiting) >= BATCH:
            self.settle()

    def settle(self) -> None:
        """Answer all that wait, now."""
        waiting, self._waiting = self._waiting, []
        answers = [self._prepare(*each) for each in waiting]
        for (connection, head, _), answer in zip(waiting, answers, strict=True):
            self._send(connection, head, answer)

    def lose(self, connection: Connection, begun: Answer) -> None:
        """The connection is gone, with an answer that was begun."""
        self._answerer.lose(connection, begun)

    # One's trouble must not be that of all who wait: whatever it is, it ends the one connection.

    def _prepare(self, connection: Connection, head: bytes, started: float) -> Answer | None:
        try:
            return self._answerer.prepare(connection, head, started)
        except Exception:  # noqa: BLE001 - see above
            _log.exception("an answer at once cannot be prepared")
            connection.cut()
        return None

    def _send(self, connection: Connection, head: bytes, answer: Answer | None) -> None:
        try:
            if answer is not None and self._answerer.send(connection, answer):
                connection.answered()
            else:
                connection.hand_on(head)
        except Exception:  # noqa: BLE001 - see above
            _log.exception("an answer at once failed")
            connection.cut()
