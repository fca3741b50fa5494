"""Shares the time of one event loop between its streams.

All streams together send a bounded number of bytes in one turn of the loop. A small response that is requested meanwhile
therefore waits until at most these bytes are sent, however many large responses run.
"""

import asyncio
from collections import deque
from typing import Final

TURN_BYTES: Final = 8 * 1024 * 1024
"""Sending this much takes the kernel about a millisecond."""


class LoopTurns:
    """Counts the bytes sent in this turn of the running loop. While `left` is positive, streams need not wait.

    At least half of `turn_bytes` is left when a turn begins.
    """

    def __init__(self, turn_bytes: int = TURN_BYTES) -> None:
        self.loop = asyncio.get_running_loop()
        self._turn_bytes = turn_bytes
        self._waiting: deque[tuple[asyncio.Future[None], int]] = deque()
        self._is_due = False
        self.left = turn_bytes

    def spend(self, sent: int) -> None:
        """Count `sent` bytes in this turn."""
        self.left -= sent
        # While half is left, the next turn needs no more, and the loop goes to sleep without another turn.
        if self.left < self._turn_bytes // 2:
            self._begin_soon()

    async def wait(self, wanted: int) -> None:
        """Return in a later turn, in which about `wanted` bytes may be sent. Streams wait in a queue."""
        ready: asyncio.Future[None] = self.loop.create_future()
        self._waiting.append((ready, wanted))
        self._begin_soon()
        await ready

    def _begin_soon(self) -> None:
        if not self._is_due:
            self._is_due = True
            self.loop.call_soon(self._begin_turn)

    def _begin_turn(self) -> None:
        self._is_due = False
        self.left = granted = self._turn_bytes
        while self._waiting and granted > 0:
            ready, wanted = self._waiting.popleft()
            if not ready.done():  # done here means cancelled
                ready.set_result(None)
                granted -= wanted
        if self._waiting:
            self._begin_soon()
