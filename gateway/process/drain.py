"""Whether the gateway is going down: one switch, thrown once, that everybody may look at.

Knows: the switch. Refuses to know: who throws it, and what follows from it.
"""

import asyncio


class Drain:
    """The switch; `is_draining` says how it stands."""

    def __init__(self) -> None:
        self._requested = asyncio.Event()
        # Asked at every answer: the event's own method, without one of ours around it.
        self.is_draining = self._requested.is_set

    def request(self) -> None:
        """Go down."""
        self._requested.set()

    async def wait(self) -> None:
        """Return once it is requested."""
        await self._requested.wait()
