"""Whether the process is stopping: one switch, which is set once and never reset."""

import asyncio


class Drain:
    """The switch; `is_draining` returns its state, and `has_successor` says whether another process accepts connections."""

    def __init__(self) -> None:
        self._requested = asyncio.Event()
        # Called for every response: the event's own method, without one of ours around it.
        self.is_draining = self._requested.is_set
        self.has_successor = False

    def request(self) -> None:
        """Request the stop."""
        self._requested.set()

    def hand_over(self) -> None:
        """Request the stop; another process accepts connections on the same sockets, or will."""
        self.has_successor = True
        self.request()

    async def wait(self) -> None:
        """Return once a stop is requested."""
        await self._requested.wait()
