"""The connections to S3: how many there may be, which are free, and how new ones are made.

Knows: addresses, TLS, time limits. Refuses to know: what is asked over a connection.

A connection in use has a place of the storage's budget, from `take` until its response is complete or abandoned.
Idle ones are used again last in, first out, so that those which are not needed grow old.
"""

import asyncio
import ssl
from typing import Final

from storage_adapters.remote import Traffic
from storage_adapters.s3.budget import Budget
from storage_adapters.s3.clients import KEEPALIVE_SECONDS
from storage_adapters.s3.error_codes import Interrupted
from storage_adapters.s3.http_connections import Connection, Origin
from storage_adapters.storage_options import S3Options

CHECKS: Final = 4
"""How often within its time limit a connection's silence is looked at."""


class NoneFree(Exception):
    """Every connection is in use, and stayed so for as long as one may wait."""


class Pool:
    """The connections of one storage. `trust` checks the certificates of TLS."""

    def __init__(self, options: S3Options, places: Budget, trust: ssl.SSLContext) -> None:
        self._options = options
        self._places = places
        self._trust = trust
        self._open: set[Connection] = set()
        self._idle: dict[Origin, list[Connection]] = {}
        self._is_closed = False
        self._none_open = asyncio.Event()
        self._next_check: asyncio.TimerHandle | None = None
        self.traffic = Traffic()

    async def take(self, origin: Origin, *, fresh: bool) -> Connection:
        """A connection to ask one request over, at once; a new one if it must be `fresh`.

        Raises NoneFree, or Interrupted if none can be made.
        """
        wait_seconds = self._options.pool_timeout_seconds
        try:
            await self._places.take(1, least=1, wait_seconds=wait_seconds)
        except TimeoutError:
            raise NoneFree(f"no connection to S3 was free for {wait_seconds} s") from None
        try:
            return (None if fresh else self._take_idle(origin)) or await self._connect(origin)
        except BaseException:
            self._places.give(1)
            raise

    def has_spare(self) -> bool:
        """Whether at least half of all connections stay free if one more is used."""
        return self._places.has_spare(1)

    def take_back(self, connection: Connection, *, is_usable: bool) -> None:
        """(connections.Owner)"""
        self._places.give(1)
        if is_usable:
            self._idle.setdefault(connection.origin, []).append(connection)

    def forget(self, connection: Connection) -> None:
        """(connections.Owner)"""
        self._open.discard(connection)
        idle = self._idle.get(connection.origin, [])
        if connection in idle:
            idle.remove(connection)
        if not self._open:
            self._none_open.set()

    def count(self, received: int) -> None:
        """(connections.Owner)"""
        self.traffic.received += received

    async def close(self) -> None:
        """Close every connection, and wait until they are; no more can be made."""
        self._is_closed = True
        if self._next_check is not None:
            self._next_check.cancel()
        for connection in tuple(self._open):
            connection.abort("the storage is closed")
        if self._open:
            await self._none_open.wait()

    def _take_idle(self, origin: Origin) -> Connection | None:
        idle = self._idle.get(origin, [])
        while idle:
            connection = idle.pop()
            if connection.is_open():
                return connection
        return None

    async def _connect(self, origin: Origin) -> Connection:
        trust = self._trust if origin.is_tls else None
        try:
            async with asyncio.timeout(self._options.connect_timeout_seconds):
                _, connection = await asyncio.get_running_loop().create_connection(
                    lambda: Connection(self, origin), origin.host, origin.port, ssl=trust
                )
        except OSError as error:
            raise Interrupted(f"{type(error).__name__}: {error}", at_once=True) from error
        return self._keep(connection)

    def _keep(self, connection: Connection) -> Connection:
        """Look after it from now on. Not before: a loop need not tell the end of one whose making was cancelled."""
        if self._is_closed:
            connection.abort("the storage is closed")
        if not connection.is_open():
            raise Interrupted("the connection ended at once", at_once=True)
        self._open.add(connection)
        if self._next_check is None:
            self._check_later()
        return connection

    def _check_later(self) -> None:
        seconds = min(self._options.read_timeout_seconds, KEEPALIVE_SECONDS) / CHECKS
        self._next_check = asyncio.get_running_loop().call_later(seconds, self._check)

    def _check(self) -> None:
        self._next_check = None
        for connection in tuple(self._open):
            connection.check(idle_seconds=KEEPALIVE_SECONDS, silent_seconds=self._options.read_timeout_seconds)
        if self._open:
            self._check_later()
