"""A bounded quantity that many tasks share: bytes of memory, or connections.

Knows: how much is free, and whose turn it is. Refuses to know: what the units are.

Waiting is first come, first served, and bounded in time. It cannot deadlock as long as nobody waits
while holding a share of the same budget; readers keep to that: they give their window back before
they wait for the next one, and what they fetch ahead they only `take_spare`, which never waits.
"""

import asyncio
from collections import deque

SHARE = 8
"""One taker gets at most this fraction of what is free: windows shrink as memory gets short."""


class Budget:
    """`total` units, of which `free` are nobody's."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.free = total
        self._queue: deque[tuple[int, asyncio.Future[None]]] = deque()

    async def take(self, wanted: int, *, least: int, wait_seconds: float) -> int:
        """Between `least` and `wanted` units, by what is free. Raises TimeoutError if it takes too long."""
        least = min(least, wanted)
        if self._queue or self.free < least:
            await self._wait(least, wait_seconds)
        else:
            self.free -= least
        more = max(0, min(wanted, self.free // SHARE) - least)
        self.free -= more
        return least + more

    def has_spare(self, wanted: int) -> bool:
        """Whether at least half of the budget stays free without these units, and nobody waits."""
        return not self._queue and self.free - wanted >= self.total // 2

    def take_spare(self, wanted: int) -> bool:
        """Take `wanted` units if they are to spare; never waits."""
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
            # Served in the very moment of giving up: pass it on. Otherwise the turn is cancelled by now.
            self.give(least if turn.done() and not turn.cancelled() else 0)
            raise

    def _serve(self) -> None:
        """Hand what is free to those who wait, in their order."""
        while self._queue:
            least, turn = self._queue[0]
            if not turn.done():
                if self.free < least:
                    return
                self.free -= least
                turn.set_result(None)
            self._queue.popleft()
