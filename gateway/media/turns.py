"""A bounded number of places that accounts share fairly, however much one of them asks for."""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncGenerator, Hashable
from contextlib import asynccontextmanager


class Turns:
    """`places` are taken at once; where there are several, one account leaves one of them to the others."""

    def __init__(self, places: int) -> None:
        self._places = places
        self._running: Counter[Hashable] = Counter()
        # An account moves to the end when it gets a place, so that the one that waited longest is first.
        self._waiting: dict[Hashable, deque[asyncio.Future[None]]] = {}

    @asynccontextmanager
    async def place(self, account: Hashable) -> AsyncGenerator[None]:
        """Hold a place while the block runs; waits for it."""
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
        self._wake()

    def _wake(self) -> None:
        while self._running.total() < self._places:
            ready = [each for each in self._waiting if self._may_run(each)]
            if not ready:
                return
            account = ready[0]
            turns = self._waiting.pop(account)
            self._running[account] += 1
            turns.popleft().set_result(None)
            if turns:
                self._waiting[account] = turns

    def _may_run(self, account: Hashable) -> bool:
        return self._running[account] < max(self._places - 1, 1)

    def _forget(self, account: Hashable, turn: "asyncio.Future[None]") -> None:
        self._waiting[account].remove(turn)
        if not self._waiting[account]:
            del self._waiting[account]
