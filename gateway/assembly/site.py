"""The composition root of a site: every route with what it needs, served on open sockets. It knows everyone.

Knows: what is built from what, and the order in which it comes up and goes down. Refuses to know: what any of
it does.

    up    backends -> routes -> cleanup -> listening
    down  readiness fails, idle connections close -> running streams end, or their deadline comes -> backends
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, closing
from functools import partial
from socket import socket
from typing import Any, Final, cast

from aiohttp import web
from aiohttp.typedefs import Handler

from gateway.assembly.backends import Backends, in_background, open_backends
from gateway.assembly.byte_route import Traffic, build_byte_route
from gateway.assembly.intake import build_intake, tended_uploads
from gateway.assembly.library import build_library
from gateway.deletion_worker import Cleanup, CleanupSettings
from gateway.process.drain import Drain
from gateway.process.listening import BACKLOG, Sockets, tls_context
from gateway.settings.contract import load_contract
from gateway.settings.load import Config
from gateway.storage import Storage
from gateway.telemetry.observability import AccessLog, Metrics
from gateway.telemetry.storage_requests import count_upstreams
from gateway.web.access.authentication import Authenticator
from gateway.web.access.cors import Cors
from gateway.web.access.rate_limits import RateLimits
from gateway.web.app import Services, build_admin_app, build_app
from gateway.web.bota.routes import BotaRoutes
from gateway.web.bytes.streaming import Streams
from gateway.web.connections import Connections
from gateway.web.frame import Frame
from gateway.web.front import Front
from gateway.web.health import Check, HealthRoutes
from gateway.web.journal import Journal
from gateway.web.links import Links
from gateway.web.pages.contract_page import ContractRoutes
from gateway.web.pages.player_page import PageRoutes
from gateway.web.vexa.routes import VexaRoutes
from gateway.web.waveform_route import WaveformRoute

_log: Final = logging.getLogger(__name__)

# What is left to do for a connection whose stream was ended by the deadline.
_FAREWELL_SECONDS: Final = 1.0


@asynccontextmanager
async def running(config: Config, sockets: Sockets, drain: Drain) -> AsyncGenerator[None]:
    """A gateway that serves on the sockets. Leaving drains it."""
    streams = Streams(config.delivery.max_concurrent_streams)
    async with open_backends(config) as backends, _journal(config, streams, backends.storages) as journal:
        settings = CleanupSettings(**config.deletions.model_dump())
        cleanup = Cleanup(backends.deletions, backends.storages, backends.waveforms.forget, settings)
        site = _Site(config, backends, cleanup, Traffic(drain, streams, journal))
        uploads = tended_uploads(config, backends, cleanup.wake)
        async with in_background(cleanup.run()), uploads, site.listening(sockets):
            yield


@asynccontextmanager
async def _journal(config: Config, streams: Streams, storages: Mapping[str, Storage]) -> AsyncGenerator[Journal]:
    """The metrics, and the access log on standard output."""
    with open(1, "wb", buffering=0, closefd=False) as stdout:  # noqa: ASYNC230 - a descriptor that is open already
        access_log = AccessLog(stdout if config.logging.access_log else None)

        def look(metrics: Metrics) -> None:
            metrics.set_running(streams.running)
            count_upstreams(metrics, storages)

        journal = Journal(Metrics(), access_log, look)
        async with in_background(journal.run()):
            yield journal
        await journal.close()


class _Site:
    """The routes' services, built once, and the way up and down."""

    def __init__(self, config: Config, backends: Backends, cleanup: Cleanup, traffic: Traffic) -> None:
        drain, self._streams, self._journal = traffic
        self._config = config
        self._backends = backends
        self._drain = drain
        self._cors = Cors(config.cors.allowed_origins)
        self._limits = self._rate_limits()
        self._connections = Connections(drain.is_draining)
        self._authenticator = Authenticator(backends.api_keys, backends.signer, self._limits)
        self._links = Links(backends.signer, config.server.public_url)
        self._frame = Frame(self._journal, self._connections, self._cors)
        self._route = build_byte_route(
            config,
            backends,
            traffic,
            connections=self._connections,
            cors=self._cors,
            links=self._links,
            limits=self._limits if config.rate_limits.byte_route else None,
        )
        self._services = Services(
            self._route.media,
            self._vexa(cleanup),
            self._bota(cleanup),
            *build_intake(config, backends, self._authenticator, self._streams, cleanup.wake),
            WaveformRoute(self._authenticator, backends.catalog, backends.storages, backends.waveforms),
            *build_library(config, backends, self._authenticator, self._links),
            self._health(),
            PageRoutes(config.media_sources),
            ContractRoutes(load_contract()),
            self._frame,
        )

    def _rate_limits(self) -> RateLimits | None:
        """This process's share of what a key may send."""
        settings, workers = self._config.rate_limits, self._config.server.worker_count
        if not settings.enabled:
            return None
        return RateLimits(
            requests_per_minute=settings.requests_per_minute / workers, burst=max(settings.burst // workers, 1)
        )

    def _vexa(self, cleanup: Cleanup) -> VexaRoutes:
        return VexaRoutes(
            authenticator=self._authenticator,
            catalog=self._backends.catalog,
            storages=self._backends.storages,
            links=self._links,
            on_deleted=cleanup.wake,
        )

    def _bota(self, cleanup: Cleanup) -> BotaRoutes:
        return BotaRoutes(
            authenticator=self._authenticator,
            catalog=self._backends.catalog,
            recordings=self._backends.recordings,
            search=self._backends.search,
            storages=self._backends.storages,
            links=self._links,
            on_deleted=cleanup.wake,
        )

    def _health(self) -> HealthRoutes:
        # Readiness is one index look-up in the database, and every storage.
        checks: dict[str, Check] = {"database": lambda: self._backends.api_keys.find_key(bytes(32))}
        return HealthRoutes(
            checks=checks | {f"storage:{name}": each.adapter.ping for name, each in self._backends.storages.items()},
            is_draining=self._drain.is_draining,
            journal=self._journal,
            deletions=self._backends.deletions,
        )

    @asynccontextmanager
    async def listening(self, sockets: Sockets) -> AsyncGenerator[None]:
        """Serve on the sockets; drain at the end."""
        public = self._runner(build_app(self._services, with_operations=sockets.admin is None))
        admin = self._runner(build_admin_app(self._services))
        try:
            await public.setup()
            with closing(await self._listen(public, sockets.public)) as listener:
                if sockets.admin is not None:
                    await admin.setup()
                    await web.SockSite(admin, sockets.admin).start()
                yield
                await self._wait_for_streams(public, listener)
        finally:
            await public.cleanup()
            await admin.cleanup()

    async def _listen(self, runner: web.AppRunner, listening: socket) -> asyncio.Server:
        """Serve the runner's application on the socket; seeks pass it by."""
        server = runner.server
        if server is None:
            raise RuntimeError("the runner has not been set up")
        # An application's server makes no other kind of request than its own.
        application = cast("Handler", server.request_handler)
        server.request_handler = cast("Any", Front(self._frame, self._route.media, application))
        connect = partial(
            self._route.acceptor.connect,
            server,
            keepalive_timeout=self._config.server.keepalive_timeout_seconds,
        )
        loop = asyncio.get_running_loop()
        return await loop.create_server(connect, sock=listening, ssl=tls_context(self._config), backlog=BACKLOG)

    def _runner(self, app: web.Application) -> web.AppRunner:
        return web.AppRunner(
            app,
            access_log=None,
            handler_cancellation=True,
            # As client connections have it (gateway/web/client_connection.py).
            auto_decompress=False,
            keepalive_timeout=self._config.server.keepalive_timeout_seconds,
            shutdown_timeout=_FAREWELL_SECONDS,
        )

    async def _wait_for_streams(self, runner: web.AppRunner, listener: asyncio.Server) -> None:
        """Fail readiness, close idle connections, and give the running streams until the deadline.

        A lone worker's listener stays up, so that health checks see "draining"; among several, others accept.
        """
        self._drain.request()
        if self._config.server.worker_count > 1:
            listener.close()
        if runner.server is not None:
            await self._connections.close_idle(runner.server)
        try:
            async with asyncio.timeout(self._config.server.drain_timeout_seconds):
                await self._streams.wait_idle()
        except TimeoutError:
            _log.warning("streams were cut at the deadline", extra={"running": self._streams.running})
