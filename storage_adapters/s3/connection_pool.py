"""The pool of connections to S3: limits their number, reuses idle ones, makes new ones.

A connection in use occupies one unit of the backend's budget, from `take` until its response is complete or abandoned.
Idle ones are reused last in, first out, so that those not needed reach their idle time limit. The addresses of a host
are tried in parallel (RFC 8305): one that does not answer costs a quarter of a second and not the connection.
"""

import asyncio
import socket
import ssl
from typing import Final

from aiohappyeyeballs import start_connection

from storage_adapters.remote import Traffic
from storage_adapters.s3.error_codes import Interrupted
from storage_adapters.s3.http_connections import Connection, ConnectionOwner, Origin
from storage_adapters.s3.sdk_requests import KEEPALIVE_SECONDS
from storage_adapters.s3.shared_limits import Budget
from storage_adapters.storage_options import S3Options

CHECKS: Final = 4
"""How often a connection is checked within the shorter of its time limits (idle, silent)."""
NEXT_ADDRESS_SECONDS: Final = 0.25
"""The Connection Attempt Delay of RFC 8305 section 5."""


class PoolTimeout(Exception):
    """No connection became free within the time that a request may wait."""


class Pool(ConnectionOwner):
    """The connections of one storage backend. `trust` is the TLS context that checks certificates."""

    def __init__(self, options: S3Options, connections: Budget, trust: ssl.SSLContext) -> None:
        self._options = options
        self._connections = connections
        self._trust = trust
        self._open: set[Connection] = set()
        self._making: set[asyncio.Task[Connection]] = set()
        self._idle: dict[Origin, list[Connection]] = {}
        self._is_closed = False
        self._last_closed: asyncio.Future[None] | None = None
        self._next_check: asyncio.TimerHandle | None = None
        self.traffic = Traffic()

    async def take(self, origin: Origin, *, fresh: bool) -> Connection:
        """Take a connection, on which the caller must send one request without awaiting first; a new one if `fresh`.

        Raises PoolTimeout, or Interrupted if no connection can be made.
        """
        wait_seconds = self._options.pool_timeout_seconds
        try:
            await self._connections.take(1, least=1, wait_seconds=wait_seconds)
        except TimeoutError:
            raise PoolTimeout(f"no connection to S3 was free for {wait_seconds} s") from None
        try:
            return (None if fresh else self._take_idle(origin)) or await self._made(origin)
        except BaseException:
            self._connections.give(1)
            raise

    def take_back(self, connection: Connection, *, is_usable: bool) -> None:
        self._connections.give(1)
        if is_usable and not self._is_closed:
            self._idle.setdefault(connection.origin, []).append(connection)

    def forget(self, connection: Connection) -> None:
        self._open.discard(connection)
        idle = self._idle.get(connection.origin, [])
        if connection in idle:
            idle.remove(connection)
        if not self._open and self._last_closed is not None and not self._last_closed.done():
            self._last_closed.set_result(None)

    def count(self, received: int) -> None:
        self.traffic.received += received

    async def close(self) -> None:
        """Close every connection, also those being made, and wait until all are closed; no more can be made."""
        self._is_closed = True
        if self._next_check is not None:
            self._next_check.cancel()
        if self._making:
            for making in self._making:
                making.cancel()
            await asyncio.wait(self._making)
        for connection in tuple(self._open):
            connection.abort("the storage is closed")
        if self._open:
            self._last_closed = asyncio.get_running_loop().create_future()
            await self._last_closed

    def _take_idle(self, origin: Origin) -> Connection | None:
        idle = self._idle.get(origin, [])
        while idle:
            connection = idle.pop()
            if connection.is_open():
                return connection
        return None

    async def _made(self, origin: Origin) -> Connection:
        """A new connection. A separate task makes it, so that `close` can cancel it."""
        if self._is_closed:
            raise Interrupted("the storage is closed", retry_now=True)
        making = asyncio.create_task(self._make(origin))
        self._making.add(making)
        making.add_done_callback(self._making.discard)
        try:
            return await making
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if making.cancelled() and (task is None or not task.cancelling()):
                raise Interrupted("the storage is closed", retry_now=True) from None
            if making.done() and not making.cancelled() and making.exception() is None:
                self._idle.setdefault(origin, []).append(making.result())
            raise

    async def _make(self, origin: Origin) -> Connection:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._options.connect_timeout_seconds):
                addresses = await loop.getaddrinfo(origin.host, origin.port, type=socket.SOCK_STREAM)
                tcp = await start_connection(addresses, happy_eyeballs_delay=NEXT_ADDRESS_SECONDS, interleave=1)
                tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                trust, name = (self._trust, origin.host) if origin.is_tls else (None, None)
                _, connection = await loop.create_connection(
                    lambda: Connection(self, origin), sock=tcp, ssl=trust, server_hostname=name
                )
        except OSError as error:
            raise Interrupted(f"{type(error).__name__}: {error}", retry_now=True) from error
        return self._track(connection)

    def _track(self, connection: Connection) -> Connection:
        """Track the connection, once it is made: if its making is cancelled, the loop may never report its end."""
        if not connection.is_open():
            raise Interrupted("the connection ended immediately", retry_now=True)
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
