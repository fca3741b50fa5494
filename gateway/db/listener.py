"""Hears the database's notifications, and knows when it does not.

Knows: one connection that listens, proves every second that it lives, and is opened again when it does not.
Refuses to know: what the notifications mean.

Between losing a connection and listening on a new one, changes go unheard: `trust(False)` says so the moment
it is known, and `trust(True)` comes only once LISTEN is in force, so that nothing older can be believed.
"""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, Protocol

import asyncpg

from gateway.db.pool import TROUBLE

HEARTBEAT_SECONDS: Final = 1.0
RECONNECT_SECONDS: Final = 0.5
CLOSE_SECONDS: Final = 2.0

PROVE_LIFE: Final = "SELECT 1"

_log: Final = logging.getLogger(__name__)


class Listener(Protocol):
    """Who wants to know."""

    def trust(self, *, trusted: bool) -> None: ...

    def hear(self, text: str) -> None: ...


async def listen(url: str, channel: str, listener: Listener) -> None:
    """Pass the channel's notifications to `listener` until cancelled, whatever happens to the connection."""
    try:
        while True:
            try:
                await _listen_once(url, channel, listener)
            except (*TROUBLE, asyncpg.PostgresError) as error:
                _log.warning("changes are not being heard", extra={"cause": repr(error)})
            listener.trust(trusted=False)
            await asyncio.sleep(RECONNECT_SECONDS)
    finally:
        listener.trust(trusted=False)


async def _listen_once(url: str, channel: str, listener: Listener) -> None:
    """Listen on one connection for as long as it proves its life."""
    connection = await asyncpg.connect(url, timeout=HEARTBEAT_SECONDS * 5)
    try:
        lost = asyncio.Event()
        connection.add_termination_listener(lambda _connection: lost.set())
        await connection.add_listener(channel, _hearer(listener.hear))
        listener.trust(trusted=True)
        while not lost.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(lost.wait(), HEARTBEAT_SECONDS)
            await connection.execute(PROVE_LIFE, timeout=HEARTBEAT_SECONDS)
    finally:
        listener.trust(trusted=False)
        await _close(connection)


def _hearer(hear: Callable[[str], None]) -> Callable[..., None]:
    def heard(_connection: Any, _pid: int, _channel: str, payload: object) -> None:
        hear(str(payload))

    return heard


async def _close(connection: asyncpg.Connection) -> None:
    try:
        await connection.close(timeout=CLOSE_SECONDS)
    except (*TROUBLE, asyncpg.PostgresError):
        connection.terminate()
