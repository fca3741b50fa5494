"""The composition root of a site: every route with what it needs, served on open sockets. It knows everyone.

Knows: what is built from what, and the order in which it comes up and goes down. Refuses to know: what any of
it does.

    up    backends -> routes -> cleanup -> listening
    down  readiness fails, idle connections close -> running streams end, or their deadline comes -> backends
"""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple, cast

from aiohttp import web
from aiohttp.typedefs import Handler

from gateway.backends import Backends, in_background, open_backends
from gateway.cleanup import Cleanup, CleanupSettings
from gateway.config import Config
from gateway.contract import load_contract
from gateway.drain import Drain
from gateway.intake import build_intake, build_sweep
from gateway.listening import Sockets, tls_context
from gateway.observability import AccessLog, Metrics
from gateway.web.admissions import Admissions
from gateway.web.app import Services, build_admin_app, build_app
from gateway.web.authentication import Authenticator
from gateway.web.bota import BotaRoutes
from gateway.web.connections import Connections
from gateway.web.contract_page import ContractRoutes
from gateway.web.cors import Cors
from gateway.web.frame import Frame
from gateway.web.front import Front
from gateway.web.health import Check, HealthRoutes
from gateway.web.journal import Journal
from gateway.web.links import Links
from gateway.web.media import MediaRoute
from gateway.web.page import PageRoutes
from gateway.web.rate_limits import RateLimits
from gateway.web.streaming import Streamer, Streams
from gateway.web.vexa import VexaRoutes
from gateway.web.waveforms import WaveformRoute

_log: Final = logging.getLogger(__name__)

# What is left to do for a connection whose stream was ended by the deadline.
_FAREWELL_SECONDS: Final = 1.0


@asynccontextmanager
async def running(config: Config, sockets: Sockets, drain: Drain) -> AsyncGenerator[None]:
    """A gateway that serves on the sockets. Leaving drains it."""
    streams = Streams(config.delivery.max_concurrent_streams)
    async with open_backends(config) as backends, _journal(config, streams) as journal:
        cleanup = Cleanup(backends.deletions, backends.storages, CleanupSettings(**config.deletions.model_dump()))
        site = _Site(config, backends, cleanup, _Traffic(drain, streams, journal))
        sweep = build_sweep(config, backends, cleanup.wake)
        async with in_background(cleanup.run()), in_background(sweep.run()), site.listening(sockets):
            yield


@asynccontextmanager
async def _journal(config: Config, streams: Streams) -> AsyncGenerator[Journal]:
    """The metrics, and the access log on standard output."""
    with open(1, "wb", buffering=0, closefd=False) as stdout:  # noqa: ASYNC230 - a descriptor that is open already
        access_log = AccessLog(stdout if config.logging.access_log else None)
        journal = Journal(Metrics(), access_log, lambda: streams.running)
        async with in_background(journal.run()):
            yield journal
        await journal.close()


class _Traffic(NamedTuple):
    """What is known of the traffic as a whole."""

    drain: Drain
    streams: Streams
    journal: Journal


class _Site:
    """The routes' services, built once, and the way up and down."""

    def __init__(self, config: Config, backends: Backends, cleanup: Cleanup, traffic: _Traffic) -> None:
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
        self._media = self._media_route()
        self._services = Services(
            self._media,
            self._vexa(cleanup),
            self._bota(cleanup),
            *build_intake(config, backends, self._authenticator, self._streams, cleanup.wake),
            WaveformRoute(self._authenticator, backends.catalog, backends.storages, backends.waveforms),
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

    def _media_route(self) -> MediaRoute:
        backends, delivery = self._backends, self._config.delivery
        limits = self._limits if self._config.rate_limits.byte_route else None
        admissions = Admissions(
            authenticator=Authenticator(backends.api_keys, backends.signer, limits),
            catalog=backends.catalog,
            storages=backends.storages,
            epoch=backends.epoch,
            cache_control_private=delivery.cache_control_private,
            cache_control_signed=delivery.cache_control_signed,
        )
        streamer = Streamer(
            self._streams,
            stall_timeout_seconds=delivery.stall_timeout_seconds,
            is_draining=self._drain.is_draining,
        )
        return MediaRoute(
            admissions, backends.catalog, streamer, self._links, self._cors, max_ranges=delivery.max_ranges
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
            self._put_in_front(public)
            await web.SockSite(public, sockets.public, ssl_context=tls_context(self._config)).start()
            if sockets.admin is not None:
                await admin.setup()
                await web.SockSite(admin, sockets.admin).start()
            yield
            await self._wait_for_streams(public)
        finally:
            await public.cleanup()
            await admin.cleanup()

    def _put_in_front(self, runner: web.AppRunner) -> None:
        """Let seeks pass the application by."""
        server = runner.server
        if server is not None:
            # An application's server makes no other kind of request than its own.
            application = cast("Handler", server.request_handler)
            server.request_handler = cast("Any", Front(self._frame, self._media, application))

    def _runner(self, app: web.Application) -> web.AppRunner:
        return web.AppRunner(
            app,
            access_log=None,
            handler_cancellation=True,
            # A compressed body is no recording, and may be a bomb; the size that counts is the size on the wire.
            auto_decompress=False,
            keepalive_timeout=self._config.server.keepalive_timeout_seconds,
            shutdown_timeout=_FAREWELL_SECONDS,
        )

    async def _wait_for_streams(self, runner: web.AppRunner) -> None:
        """Fail readiness, close idle connections, and give the running streams until the deadline.

        A lone worker's listener stays up, so that health checks see "draining"; among several, others accept.
        """
        self._drain.request()
        for site in runner.sites if self._config.server.worker_count > 1 else ():
            await site.stop()
        if runner.server is not None:
            await self._connections.close_idle(runner.server)
        try:
            async with asyncio.timeout(self._config.server.drain_timeout_seconds):
                await self._streams.wait_idle()
        except TimeoutError:
            _log.warning("streams were cut at the deadline", extra={"running": self._streams.running})
