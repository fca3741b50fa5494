"""The limits that all readers of one storage backend share: memory, connections, and retries.

Waiting for a budget is first come, first served, and bounded in time. It cannot deadlock as long as no task waits
while it holds units of the same budget. Readers comply: they give a window back before they wait for the next one, and
they use only `take_spare`, which never waits, to read ahead.
"""

import asyncio
from collections import deque
from collections.abc import Callable

SHARE = 8
"""One caller gets at most 1/SHARE of the free units, or its `least`: windows shrink as memory gets short."""

REFUND = 0.2
"""The part of a token that one success gives back: below a success rate of about 80 % the tokens run out."""

PAUSE_BASE_SECONDS = 0.1
PAUSE_MAX_SECONDS = 2.0


class Budget:
    """A semaphore of `total` units, of which `free` are not in use."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.free = total
        self._queue: deque[tuple[int, asyncio.Future[None]]] = deque()

    async def take(self, wanted: int, *, least: int, wait_seconds: float) -> int:
        """Take between `least` and `wanted` units, depending on how many are free. Raises TimeoutError."""
        least = min(least, wanted)
        if self._queue or self.free < least:
            await self._wait(least, wait_seconds)
        else:
            self.free -= least
        more = max(0, min(wanted, self.free // SHARE) - least)
        self.free -= more
        return least + more

    def has_spare(self, wanted: int) -> bool:
        """Whether at least half of the budget remains free after taking these units, and no task waits."""
        return not self._queue and self.free - wanted >= self.total // 2

    def take_spare(self, wanted: int) -> bool:
        """Take `wanted` units if the budget `has_spare`; never waits."""
        if not self.has_spare(wanted):
            return False
        self.free -= wanted
        return True

    def give(self, units: int) -> None:
        """Give units back."""
        self.free += units
        self._serve()

    async def _wait(self, least: int, wait_seconds: float) -> None:
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append((least, turn))
        self._serve()
        try:
            async with asyncio.timeout(wait_seconds):
                await turn
        except BaseException:
            # The units may have been granted at the same moment: give them back. Otherwise `turn` is cancelled by now.
            self.give(least if turn.done() and not turn.cancelled() else 0)
            raise

    def _serve(self) -> None:
        """Grant free units to the waiting tasks, in order."""
        while self._queue:
            least, turn = self._queue[0]
            if not turn.done():
                if self.free < least:
                    return
                self.free -= least
                turn.set_result(None)
            self._queue.popleft()


class RetryTokens:
    """Prevents retry storms: each retry takes a token, each success gives a part of one back.

    While S3 is down the tokens run out; then every request is sent once and fails without a retry.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = float(capacity)
        self._tokens = float(capacity)

    def take(self) -> bool:
        """True if one more retry is allowed."""
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def refund(self) -> None:
        """Count one success."""
        self._tokens = min(self._capacity, self._tokens + REFUND)


def pause_seconds(failures: int, chance: Callable[[], float]) -> float:
    """How long to wait after the nth failure (from 1): exponential with full jitter, `chance` in [0, 1)."""
    return min(PAUSE_MAX_SECONDS, PAUSE_BASE_SECONDS * 2.0 ** (failures - 1)) * chance()
