"""A semaphore that serves accounts in turn, so that one account cannot take all permits by requesting many."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncGenerator, Hashable
from contextlib import asynccontextmanager


class FairSemaphore:
    """At most `permits` are held at a time; one account gets at most all but one of them (or the only one)."""

    def __init__(self, permits: int) -> None:
        self._permits = permits
        self._running: Counter[Hashable] = Counter()
        self._waiting: dict[Hashable, deque[asyncio.Future[None]]] = {}
        # The count at which each running or waiting account got its latest permit; the lowest is next.
        self._served: dict[Hashable, int] = {}
        self._count = 0

    @asynccontextmanager
    async def permit(self, account: Hashable) -> AsyncGenerator[None]:
        """Wait for a permit, and hold it while the block runs."""
        await self._take(account)
        try:
            yield
        finally:
            self._give_back(account)

    async def _take(self, account: Hashable) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(account, deque()).append(turn)
        self._wake()
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._give_back(account)
            else:
                self._forget(account, turn)
            raise

    def _give_back(self, account: Hashable) -> None:
        self._running[account] -= 1
        if not self._running[account]:
            del self._running[account]
            if account not in self._waiting:
                del self._served[account]
        self._wake()

    def _wake(self) -> None:
        while self._running.total() < self._permits:
            ready = [each for each in self._waiting if self._may_run(each)]
            if not ready:
                return
            account = min(ready, key=lambda each: self._served.get(each, 0))
            turn = self._waiting[account].popleft()
            if not self._waiting[account]:
                del self._waiting[account]
            if not turn.cancelled():  # else its task was cancelled, and has not run since
                self._count += 1
                self._served[account] = self._count
                self._running[account] += 1
                turn.set_result(None)

    def _may_run(self, account: Hashable) -> bool:
        return self._running.get(account, 0) < max(self._permits - 1, 1)

    def _forget(self, account: Hashable, turn: "asyncio.Future[None]") -> None:
        waiting = self._waiting.get(account, ())
        if turn in waiting:  # `_wake` may have removed it
            self._waiting[account].remove(turn)
            if not waiting:
                del self._waiting[account]
        if account not in self._waiting and account not in self._running:
            self._served.pop(account, None)
