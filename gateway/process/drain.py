"""Whether the gateway is stopping: one switch, which is set once and never reset."""

import asyncio


class Drain:
    """The switch; `is_draining` returns its state."""

    def __init__(self) -> None:
        self._requested = asyncio.Event()
        # Called for every response: the event's own method, without one of ours around it.
        self.is_draining = self._requested.is_set

    def request(self) -> None:
        """Request the stop."""
        self._requested.set()

    async def wait(self) -> None:
        """Return once a stop is requested."""
        await self._requested.wait()
