"""The body of one accepted answer.

Knows: how to take bytes from a response and how to leave one early. Refuses to know: what was asked for, and what
happens after an interruption.
"""

import asyncio
from contextlib import suppress
from typing import Final

from storage_adapters.s3.answers import BodyPlan
from storage_adapters.s3.error_codes import Interrupted
from storage_adapters.s3.get_responses import Response
from storage_adapters.storage_options import KIB

DRAIN_LIMIT_BYTES: Final = 64 * KIB
DRAIN_SECONDS: Final = 0.1
"""An abandoned body this close to its end is let arrive, for that long: a new connection costs more."""


class Body:
    """The bytes from the asked offset on; `whole` if they run on to the object's end."""

    def __init__(self, response: Response, plan: BodyPlan) -> None:
        self.whole = plan.whole
        self._skip = plan.skip
        self._response = response

    async def next_chunk(self, most: int) -> bytes:
        """At least one byte, at most `most`; what came beyond them is dropped. Raises Interrupted if none comes."""
        chunk = await self._response.read()
        while self._skip and chunk:
            chunk, self._skip = chunk[self._skip :], max(0, self._skip - len(chunk))
            chunk = chunk or await self._response.read()
        if not chunk:
            raise Interrupted("the body ended early", at_once=True)
        return chunk if len(chunk) <= most else chunk[:most]

    async def leave(self) -> None:
        """Give the connection back: to the pool if the rest has come or is about to, else closed."""
        if self._response.is_complete:
            return
        try:
            if self._response.missing is not None and self._response.missing <= DRAIN_LIMIT_BYTES:
                with suppress(Interrupted, TimeoutError):
                    async with asyncio.timeout(DRAIN_SECONDS):
                        await self._response.completed()
        finally:
            self._response.abandon()
