"""Listens for the database's notifications on a connection of its own, and detects when they do not arrive.

The connection is tested every second, and replaced when the test fails. Notifications between the loss of one connection
and the first LISTEN on the next are lost: `trust(False)` is called as soon as the loss is known, and `trust(True)` only
once a notification that this process sent (the greeting) has come back. Behind a pooler in transaction mode, and in
another database, the greeting never comes back.
"""

import asyncio
import logging
import secrets
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from typing import Final, Protocol

import asyncpg

from gateway.db.pool import TROUBLE
from gateway.errors import Unavailable

HEARTBEAT_SECONDS: Final = 1.0
CONNECT_SECONDS: Final = 3.0
# A key that is revoked while no notifications arrive is refused within a second after the database is back.
RECONNECT_SECONDS: Final = 0.4
CLOSE_SECONDS: Final = 2.0

# The greeting is sent through the connection pool, which may take a while on a busy machine.
GREETING_SECONDS: Final = 5.0
DEAF: Final = (
    "no notification arrives: set database.listen_url to a direct address of the same database, past any pooler"
)

PROVE_LIFE: Final = "SELECT 1"

_log: Final = logging.getLogger(__name__)


Greet = Callable[[str, str], Awaitable[None]]


class Listener(Protocol):
    """The receiver of the notifications."""

    def trust(self, *, trusted: bool) -> None: ...

    def beat(self) -> None: ...

    def receive(self, text: str) -> None: ...


async def listen(url: str, channel: str, listener: Listener, greet: Greet) -> None:
    """Pass the channel's notifications to `listener` until cancelled, whatever happens to the connection.

    `greet` sends a notification over the connections that the catalogue uses.
    """
    is_lost = False
    try:
        while True:
            try:
                await _listen_once(url, channel, listener, greet)
            except _ConnectionLost as lost:
                if not is_lost or lost.had_worked:
                    _log.warning("the database's notifications do not arrive", extra={"cause": repr(lost.__cause__)})
                is_lost = True
                # A connection that worked is replaced immediately: the database itself may still be up.
                if not lost.had_worked:
                    await asyncio.sleep(RECONNECT_SECONDS)
    finally:
        listener.trust(trusted=False)


class _ConnectionLost(Exception):
    """The connection was lost, or could not be opened; `had_worked` says whether it had passed a test."""

    def __init__(self, *, had_worked: bool) -> None:
        super().__init__()
        self.had_worked = had_worked


async def _listen_once(url: str, channel: str, listener: Listener, greet: Greet) -> None:
    """Listen on one connection until a test fails; raises _ConnectionLost."""
    had_worked = False
    try:
        # Without named statements: behind a pooler they would fail first, and the log would not say why.
        connection = await asyncpg.connect(url, timeout=CONNECT_SECONDS, statement_cache_size=0)
        try:
            async for _ in _heartbeats(connection, channel, listener, greet):
                had_worked = True
                listener.beat()
        finally:
            # Before closing, because closing a dead connection may take a while.
            listener.trust(trusted=False)
            await _close(connection)
    except (*TROUBLE, Unavailable, asyncpg.PostgresError) as error:
        raise _ConnectionLost(had_worked=had_worked) from error


async def _heartbeats(
    connection: asyncpg.Connection, channel: str, listener: Listener, greet: Greet
) -> AsyncGenerator[None]:
    """Listen, and yield about once a second, after each test that the connection passed. Ends only by an error."""
    lost = asyncio.Event()
    connection.add_termination_listener(lambda _connection: lost.set())
    greeting, has_arrived = f"hello {secrets.token_hex(8)}", asyncio.Event()

    def receive(_connection: object, _pid: int, _channel: str, payload: object) -> None:
        if payload == greeting:
            has_arrived.set()
        listener.receive(str(payload))

    await connection.add_listener(channel, receive)
    await greet(channel, greeting)
    try:
        # Not wait_for: in Python 3.11 it loses a cancellation that arrives together with the result.
        async with asyncio.timeout(GREETING_SECONDS):
            await has_arrived.wait()
    except TimeoutError:
        raise asyncpg.InterfaceError(DEAF) from None
    listener.trust(trusted=True)
    while True:
        with suppress(TimeoutError):
            async with asyncio.timeout(HEARTBEAT_SECONDS):
                await lost.wait()
        await connection.execute(PROVE_LIFE, timeout=HEARTBEAT_SECONDS)
        yield


async def _close(connection: asyncpg.Connection) -> None:
    try:
        await connection.close(timeout=CLOSE_SECONDS)
    except (*TROUBLE, asyncpg.PostgresError):
        connection.terminate()
