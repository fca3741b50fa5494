"""Serves applications on open sockets, and drains them before a stop.

stop  readiness fails, idle connections close -> no connection is accepted -> the last request ends, or the deadline comes
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import ExitStack, asynccontextmanager, closing
from functools import partial
from socket import socket
from ssl import SSLContext
from typing import Any, Final, NamedTuple, cast

from aiohttp import web
from aiohttp.typedefs import Handler

from gateway.assembly.byte_route import SiteTraffic
from gateway.assembly.tls_listener import TlsListener
from gateway.process.listening import BACKLOG, Sockets, tls_context
from gateway.settings.load import Config
from gateway.web.acceptor import Acceptor, usable
from gateway.web.connections.connection_context import ConnectionContext
from gateway.web.connections.connection_limit import ConnectionLimit
from gateway.web.connections.open_connections import Connections
from gateway.web.server_handler import ServerHandler

_log: Final = logging.getLogger(__name__)

# How long a connection may take to close after the deadline has ended its stream.
_CLOSE_SECONDS: Final = 1.0

_ADMIN_CONNECTIONS: Final = 256


class Applications(NamedTuple):
    """The aiohttp applications. `wrap` makes the server's handler of the public one, `acceptor` accepts its connections."""

    public: web.Application
    admin: web.Application
    wrap: Callable[[Handler], ServerHandler]
    acceptor: Acceptor


class Serving:
    """Serves applications. `context` is shared by all connections."""

    def __init__(
        self, config: Config, traffic: SiteTraffic, connections: Connections, context: ConnectionContext
    ) -> None:
        self._config = config
        self._drain = traffic.drain
        self._connections = connections
        self._context = context

    @asynccontextmanager
    async def on(self, sockets: Sockets, applications: Applications) -> AsyncGenerator[None]:
        """Serve on the sockets; drain at the end."""
        public, admin = _runner(applications.public), _runner(applications.admin)
        try:
            await public.setup()
            await admin.setup()
            server = _server_of(public)
            # The casts are safe: the server of an application creates requests of one class only, web.Request.
            server.request_handler = cast("Any", applications.wrap(cast("Handler", server.request_handler)))
            with ExitStack() as listeners:
                tls = tls_context(self._config)
                listener = await self._listen(applications.acceptor, public, sockets.public, self._context, tls)
                listeners.enter_context(closing(listener))
                if sockets.admin is not None:
                    # Clients that use up the public connections must not keep health checks out.
                    context = self._context._replace(limit=ConnectionLimit(_ADMIN_CONNECTIONS))
                    admin_listener = await self._listen(usable(Acceptor()), admin, sockets.admin, context)
                    listeners.enter_context(closing(admin_listener))
                yield
                await self._finish_requests(server, partial(_refuse_connections, listener, sockets.public))
        finally:
            await public.cleanup()
            await admin.cleanup()

    async def _listen(
        self,
        acceptor: Acceptor,
        runner: web.AppRunner,
        listening: socket,
        context: ConnectionContext,
        tls: SSLContext | None = None,
    ) -> asyncio.Server | TlsListener:
        connect = partial(acceptor.connect, _server_of(runner), context)
        if tls is None:
            return await asyncio.get_running_loop().create_server(connect, sock=listening, backlog=BACKLOG)
        listener = TlsListener(connect, listening, tls)
        await listener.listen()
        return listener

    async def _finish_requests(self, server: web.Server, refuse_connections: Callable[[], None]) -> None:
        """Fail readiness, close idle connections, and give the requests under way until the deadline.

        For half of that time connections are still accepted, so that health checks see "draining". The requests that come
        then have the other half. A worker that has a successor leaves all connections to it.
        """
        self._drain.request()
        seconds = self._config.server.drain_timeout_seconds
        loop = asyncio.get_running_loop()
        refusing = loop.call_later(0 if self._drain.has_successor else seconds / 2, refuse_connections)
        try:
            await self._connections.close_idle(server)
            async with asyncio.timeout(seconds):
                await self._connections.wait_idle(server)
        except TimeoutError:
            running = self._connections.count_under_way(server)
            _log.warning("requests were cut at the deadline", extra={"running": running})
        finally:
            refusing.cancel()


def _refuse_connections(listener: asyncio.Server | TlsListener, listening: socket) -> None:
    """Accept no more connections. The listener may use a duplicate of the socket, so both are closed."""
    _log.info("no more connections are accepted")
    listener.close()
    listening.close()


def _runner(app: web.Application) -> web.AppRunner:
    return web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=_CLOSE_SECONDS)


def _server_of(runner: web.AppRunner) -> web.Server:
    if runner.server is None:
        raise RuntimeError("the runner has not been set up")
    return runner.server
