"""The body of one accepted answer, and the connection it comes over.

Knows: how to take bytes from an aiohttp response and how to leave one early.
Refuses to know: what was asked for, and what happens after an interruption.
"""

import asyncio
from contextlib import suppress
from typing import Final

import aiohttp

from storage_adapters.s3.answers import BodyPlan
from storage_adapters.s3.budget import Budget
from storage_adapters.s3.errors import NETWORK_ERRORS
from storage_adapters.s3.options import KIB

CHUNK_BYTES: Final = 256 * KIB
"""One read takes at most this much: smaller ones cost CPU, larger ones delay the first byte."""

DRAIN_LIMIT_BYTES: Final = 64 * KIB
DRAIN_SECONDS: Final = 0.1
"""An abandoned body this close to its end is let arrive, for that long: a new connection costs more."""


class Interrupted(Exception):
    """S3 or the network broke off; the same bytes may be asked for again, `at_once` if nothing asks to wait."""

    def __init__(self, reason: str, *, at_once: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.at_once = at_once


class Connection:
    """A place among the connections in use; given back once, by whoever comes first."""

    def __init__(self, connections: Budget) -> None:
        self._connections: Budget | None = connections

    def give(self) -> None:
        if self._connections is not None:
            self._connections.give(1)
            self._connections = None


class Body:
    """The bytes from the asked offset on; `whole` if they run on to the object's end."""

    def __init__(self, response: aiohttp.ClientResponse, connection: Connection, plan: BodyPlan) -> None:
        self.whole = plan.whole
        self._skip = plan.skip
        self._promised = response.content_length or 0
        self._response = response
        self._connection = connection
        response.content.on_eof(connection.give)

    async def next_chunk(self, most: int) -> bytes:
        """At least one byte, at most `most`. Raises Interrupted if none comes."""
        while self._skip:
            self._skip -= len(await self._read(self._skip))
        return await self._read(most)

    async def leave(self) -> None:
        """Give the connection back: to the pool if the rest has come or is about to, else closed."""
        try:
            await self._drain()
        finally:
            self._response.close()
            self._connection.give()

    async def _read(self, most: int) -> bytes:
        try:
            chunk = await self._response.content.read(min(most, CHUNK_BYTES))
        except NETWORK_ERRORS as error:
            raise Interrupted(f"{type(error).__name__}: {error}", at_once=True) from error
        if not chunk:
            raise Interrupted("the body ended early", at_once=True)
        return chunk

    async def _drain(self) -> None:
        content = self._response.content
        missing = self._promised - content.total_bytes
        if content.is_eof() or content.exception() is not None or missing > DRAIN_LIMIT_BYTES:
            return
        with suppress(*NETWORK_ERRORS):
            async with asyncio.timeout(DRAIN_SECONDS):
                await content.wait_eof()
