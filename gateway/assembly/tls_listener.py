"""Accepts TLS connections while fewer than MAX_HANDSHAKES handshakes are under way; others wait in the kernel's queue.

A connection costs about 50 KiB from its first byte on, and the event loop does not show it to the gateway before its
handshake is over.
"""

import asyncio
import logging
from collections.abc import Callable
from socket import socket
from ssl import SSLContext
from typing import Final
from weakref import WeakSet

from gateway.process.listening import BACKLOG

_log: Final = logging.getLogger(__name__)

HANDSHAKE_SECONDS: Final = 10.0
"""How long a handshake may take."""

MAX_HANDSHAKES: Final = 1024

_PAUSE_SECONDS: Final = 0.05
_RETRY_SECONDS: Final = 1.0


class TlsListener:
    """Listens until it is closed. `connect` makes the protocol of one connection, before its handshake."""

    def __init__(self, connect: Callable[[], asyncio.Protocol], listening: socket, tls: SSLContext) -> None:
        self._connect = connect
        self._listening = listening
        self._tls = tls
        # Those that failed vanish, because the event loop drops their protocol. Those that succeeded are removed when
        # MAX_HANDSHAKES are in the set.
        self._handshakes: WeakSet[asyncio.Protocol] = WeakSet()
        self._server: asyncio.Server | None = None
        self._listening_again: asyncio.Task[None] | None = None
        self._is_closed = False

    async def listen(self) -> None:
        """Accept connections. The server closes its socket, so it gets a duplicate."""
        self._server = await asyncio.get_running_loop().create_server(
            self._accept,
            sock=self._listening.dup(),
            ssl=self._tls,
            backlog=BACKLOG,
            ssl_handshake_timeout=HANDSHAKE_SECONDS,
        )
        if self._is_closed:
            self._stop()

    def close(self) -> None:
        """Accept no more connections."""
        self._is_closed = True
        self._stop()

    def _accept(self) -> asyncio.Protocol:
        connection = self._connect()
        self._handshakes.add(connection)
        if self._is_full():
            # uvloop still needs the server for the connection that it is accepting.
            asyncio.get_running_loop().call_soon(self._pause)
        return connection

    def _is_full(self) -> bool:
        if len(self._handshakes) >= MAX_HANDSHAKES:
            self._handshakes = WeakSet(each for each in self._handshakes if not _has_succeeded(each))
        return len(self._handshakes) >= MAX_HANDSHAKES

    def _pause(self) -> None:
        if self._server is not None:
            self._stop()
            asyncio.get_running_loop().call_later(_PAUSE_SECONDS, self._resume)

    def _stop(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.close()

    def _resume(self) -> None:
        loop = asyncio.get_running_loop()
        if self._is_full():
            loop.call_later(_PAUSE_SECONDS, self._resume)
        elif not self._is_closed:
            self._listening_again = loop.create_task(self._listen_again())

    async def _listen_again(self) -> None:
        try:
            await self.listen()
        except OSError as error:
            # The duplicate of the socket needs a free file descriptor.
            _log.warning("cannot accept TLS connections; trying again", extra={"cause": repr(error)})
            asyncio.get_running_loop().call_later(_RETRY_SECONDS, self._resume)


def _has_succeeded(connection: asyncio.Protocol) -> bool:
    """Whether the handshake succeeded. It may be over and the connection closed again."""
    return getattr(connection, "remote", "") is not None
