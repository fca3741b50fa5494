"""The composition root: from a Config to a running gateway. The one file that knows everyone.

Knows: what is built from what, and the order in which it comes up and goes down. Refuses to know: what any of
it does.

    up    backends -> routes -> cleanup -> listening -> announced
    down  readiness fails, idle connections close -> running streams end, or their deadline comes -> backends
"""

import asyncio
import logging
import signal
import ssl
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Final

import uvloop
from aiohttp import web

from gateway.backends import Backends, in_background, open_backends
from gateway.cleanup import Cleanup, CleanupSettings
from gateway.config import Config
from gateway.contract import load_contract
from gateway.observability import AccessLog, Metrics, configure_logging
from gateway.storage import Storage
from gateway.web.app import Services, build_admin_app, build_app
from gateway.web.authentication import Authenticator
from gateway.web.cors import Cors
from gateway.web.health import Check, HealthRoutes
from gateway.web.links import Links
from gateway.web.media import DeliverySettings, MediaRoute
from gateway.web.page import PageRoutes
from gateway.web.streaming import Streamer, Streams
from gateway.web.vexa import VexaRoutes

__all__ = ["Backends", "Storage", "open_backends", "running", "serve"]

Announce = Callable[[str], None]

_log: Final = logging.getLogger(__name__)
_BACKLOG: Final = 1024
# What is left to do for a connection whose stream was ended by the deadline.
_FAREWELL_SECONDS: Final = 1.0


class Drain:
    """Whether the gateway is going down."""

    def __init__(self) -> None:
        self._requested = asyncio.Event()

    def request(self) -> None:
        self._requested.set()

    def is_draining(self) -> bool:
        return self._requested.is_set()

    async def wait(self) -> None:
        await self._requested.wait()


def serve(config: Config, announce: Announce | None = None) -> int:
    """Run until SIGTERM or SIGINT, then drain; the exit code. `announce` is called with the base URL.

    Raises OSError if a port cannot be had, and what `open_backends` raises.
    """
    configure_logging(config.logging.level)
    uvloop.run(_serve(config, announce))
    return 0


async def _serve(config: Config, announce: Announce | None) -> None:
    drain = Drain()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, drain.request)
    async with running(config, drain) as base_url:
        if announce is not None:
            announce(base_url)
        _log.info("listening", extra={"url": base_url})
        await drain.wait()


@asynccontextmanager
async def running(config: Config, drain: Drain) -> AsyncGenerator[str]:
    """A gateway that listens; its base URL. Leaving drains it."""
    async with open_backends(config) as backends, _access_log(config) as access_log:
        cleanup = Cleanup(backends.deletions, backends.storages, CleanupSettings(**config.deletions.model_dump()))
        streams = Streams(config.delivery.max_concurrent_streams)
        services = build_services(config, backends, access_log, cleanup=cleanup, streams=streams, drain=drain)
        async with in_background(cleanup.run()), _listening(config, services, streams, drain) as base_url:
            yield base_url


@asynccontextmanager
async def _access_log(config: Config) -> AsyncGenerator[AccessLog]:
    """The access log, on standard output."""
    with open(1, "wb", buffering=0, closefd=False) as stdout:  # noqa: ASYNC230 - a descriptor that is open already
        access_log = AccessLog(stdout if config.logging.access_log else None)
        yield access_log
        await access_log.close()


def build_services(
    config: Config,
    backends: Backends,
    access_log: AccessLog,
    *,
    cleanup: Cleanup,
    streams: Streams,
    drain: Drain,
) -> Services:
    """Every route with what it needs."""
    metrics = Metrics()
    metrics.watch_streams(lambda: streams.running)
    cors = Cors(config.cors.allowed_origins)
    authenticator = Authenticator(backends.api_keys, backends.signer)
    links = Links(backends.signer, config.server.public_url)
    delivery = config.delivery
    media = MediaRoute(
        authenticator=authenticator,
        catalog=backends.catalog,
        storages=backends.storages,
        streamer=Streamer(streams, stall_timeout_seconds=delivery.stall_timeout_seconds, is_draining=drain.is_draining),
        links=links,
        cors=cors,
        settings=DeliverySettings(delivery.cache_control_private, delivery.cache_control_signed, delivery.max_ranges),
    )
    vexa = VexaRoutes(
        authenticator=authenticator,
        catalog=backends.catalog,
        storages=backends.storages,
        links=links,
        on_deleted=cleanup.wake,
    )
    health = HealthRoutes(
        checks=_checks(backends),
        is_draining=drain.is_draining,
        metrics=metrics,
        deletions=backends.deletions,
        contract=load_contract(),
    )
    return Services(media, vexa, health, PageRoutes(), cors, metrics, access_log)


def _checks(backends: Backends) -> dict[str, Check]:
    """What readiness looks at: one index look-up in the database, and every storage."""
    checks: dict[str, Check] = {"database": lambda: backends.api_keys.find_key(bytes(32))}
    return checks | {f"storage:{name}": storage.adapter.ping for name, storage in backends.storages.items()}


@asynccontextmanager
async def _listening(config: Config, services: Services, streams: Streams, drain: Drain) -> AsyncGenerator[str]:
    server = config.server
    shared = server.admin_port is None
    public = _runner(config, build_app(services, with_operations=shared))
    admin = None if shared else _runner(config, build_admin_app(services))
    try:
        base_url = await _listen(public, server.host, server.port, _tls(config))
        if admin is not None:
            await _listen(admin, server.admin_host, server.admin_port or 0, None)
        yield base_url
        await _drain(public, streams, drain, server.drain_timeout_seconds)
    finally:
        for runner in filter(None, (public, admin)):
            await runner.cleanup()


def _runner(config: Config, app: web.Application) -> web.AppRunner:
    return web.AppRunner(
        app,
        access_log=None,
        handler_cancellation=True,
        keepalive_timeout=config.server.keepalive_timeout_seconds,
        shutdown_timeout=_FAREWELL_SECONDS,
    )


async def _listen(runner: web.AppRunner, host: str, port: int, tls: ssl.SSLContext | None) -> str:
    await runner.setup()
    site = web.TCPSite(runner, host, port, ssl_context=tls, backlog=_BACKLOG)
    await site.start()
    bound_host, bound_port = runner.addresses[0][:2]
    shown = f"[{bound_host}]" if ":" in bound_host else bound_host
    return f"{'https' if tls else 'http'}://{shown}:{bound_port}"


def _tls(config: Config) -> ssl.SSLContext | None:
    if config.server.tls_certificate is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(config.server.tls_certificate, config.server.tls_key)
    return context


async def _drain(runner: web.AppRunner, streams: Streams, drain: Drain, timeout_seconds: float) -> None:
    """Fail readiness, close idle connections, and give the running streams until the deadline.

    The listener stays up meanwhile, so that health checks see "draining" and late requests get an answer.
    """
    drain.request()
    if runner.server is not None:
        runner.server.pre_shutdown()
    try:
        async with asyncio.timeout(timeout_seconds):
            await streams.wait_idle()
    except TimeoutError:
        _log.warning("streams were cut at the deadline", extra={"running": streams.running})
