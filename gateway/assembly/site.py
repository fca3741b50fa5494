"""The composition root of a site: builds every route with what it needs, and serves them on open sockets.

start  backends -> routes -> background work -> serving
stop   the reverse; `serving` drains first
"""

from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Final

from gateway.assembly.backends import Backends, in_background, open_backends
from gateway.assembly.byte_route import SiteTraffic, build_byte_route
from gateway.assembly.serving import Applications, Serving
from gateway.assembly.upload_service import build_upload_routes, upload_upkeep
from gateway.deletion_worker import DeletionTimings, DeletionWorker
from gateway.media.caption_reader import CaptionReader
from gateway.media.fair_semaphore import FairSemaphore
from gateway.process.drain import Drain
from gateway.process.listening import Sockets
from gateway.settings.documents import load_contract
from gateway.settings.load import Config
from gateway.storage import Storage
from gateway.telemetry.access_log import AccessLog
from gateway.telemetry.metrics import Metrics
from gateway.web.access.authentication import Authenticator
from gateway.web.access.cors import Cors
from gateway.web.access.rate_limits import RateLimits
from gateway.web.app import Services, build_admin_app, build_app
from gateway.web.bota.edit_routes import EditRoutes
from gateway.web.bota.routes import BotaRoutes
from gateway.web.bota.share_link_routes import ShareLinkRoutes
from gateway.web.bytes.streams import Streams
from gateway.web.connections.connection_context import ConnectionContext, HeldBytes
from gateway.web.connections.connection_limit import ConnectionLimit
from gateway.web.connections.malformed_requests import MalformedRequests
from gateway.web.connections.open_connections import Connections
from gateway.web.connections.slow_clients import Lingerers
from gateway.web.health import Check, HealthRoutes
from gateway.web.journal import Journal
from gateway.web.links import Links
from gateway.web.middleware import RequestMiddleware
from gateway.web.pages.contract_page import ContractRoutes
from gateway.web.pages.player_page import PageRoutes
from gateway.web.pages.shared_page import SharedPage
from gateway.web.receiving.json_bodies import JsonBodies
from gateway.web.server_handler import ServerHandler
from gateway.web.vexa.routes import VexaRoutes

# A transcript of 4 MiB takes several times its size in memory while its response is built.
_TRANSCRIPTS_AT_A_TIME: Final = 3


@asynccontextmanager
async def running(config: Config, sockets: Sockets, drain: Drain) -> AsyncGenerator[None]:
    """A gateway that serves on the sockets, and drains when the block ends."""
    streams = Streams(config.delivery.max_concurrent_streams, config.delivery.max_streams_per_key)
    async with open_backends(config) as backends, _journal(config, streams, backends.storages) as journal:
        settings = DeletionTimings(**config.deletions.model_dump())
        deletions = DeletionWorker(backends.deletions, backends.storages, backends.waveforms.forget, settings)
        site = _Site(config, backends, deletions, SiteTraffic(drain, streams, journal))
        uploads = upload_upkeep(config, backends, deletions.wake)
        async with in_background(deletions.run), uploads, site.serving(sockets):
            yield


@asynccontextmanager
async def _journal(config: Config, streams: Streams, storages: Mapping[str, Storage]) -> AsyncGenerator[Journal]:
    """The journal, which writes the metrics, and the access log on standard output."""
    with open(1, "wb", buffering=0, closefd=False) as stdout:  # noqa: ASYNC230 - a descriptor that is open already
        access_log = AccessLog(stdout if config.logging.access_log else None)

        def sample(metrics: Metrics) -> None:
            metrics.set_running(streams.running)
            metrics.count_upstreams(storages)

        journal = Journal(Metrics(), access_log, sample)
        async with in_background(journal.run):
            yield journal
        await journal.close()


class _Site:
    """The routes and everything that they need, built once."""

    def __init__(self, config: Config, backends: Backends, deletions: DeletionWorker, traffic: SiteTraffic) -> None:
        self._traffic = traffic
        drain, self._streams, self._journal = traffic
        self._config = config
        self._backends = backends
        self._drain = drain
        self._cors = Cors(config.cors.allowed_origins)
        self._connections = Connections(drain.is_draining)
        self._authenticator = Authenticator(backends.api_keys, backends.signer, self._rate_limits())
        self._bodies = JsonBodies()
        self._transcript_turns = FairSemaphore(_TRANSCRIPTS_AT_A_TIME)
        self._links = Links(backends.signer, config.server.public_url)
        self._middleware = RequestMiddleware(self._journal, self._connections, self._cors)
        self._route = build_byte_route(
            config,
            backends,
            traffic,
            authenticator=self._authenticator,
            connections=self._connections,
            cors=self._cors,
            links=self._links,
        )
        self._services = self._build_services(deletions)

    def _build_services(self, deletions: DeletionWorker) -> Services:
        config, backends = self._config, self._backends
        page = PageRoutes(config.media_sources, config.upload_sources)
        return Services(
            self._route.media,
            self._vexa(deletions),
            self._bota(deletions),
            *build_upload_routes(
                config, backends, self._authenticator, self._bodies, self._streams, on_removed=deletions.wake
            ),
            EditRoutes(
                self._authenticator,
                self._bodies,
                backends.catalog,
                backends.edits,
                CaptionReader(),
                self._transcript_turns,
            ),
            ShareLinkRoutes(self._authenticator, self._bodies, backends.share_links, self._links),
            self._shared_page(page.release),
            self._health(),
            page,
            ContractRoutes(load_contract()),
            self._middleware,
        )

    def _rate_limits(self) -> RateLimits | None:
        """This process's share of each key's rate limit; None if requests are not limited."""
        settings, workers = self._config.rate_limits, self._config.server.worker_count
        if not settings.enabled:
            return None
        return RateLimits(
            requests_per_minute=settings.requests_per_minute / workers, burst=max(settings.burst // workers, 1)
        )

    def _vexa(self, deletions: DeletionWorker) -> VexaRoutes:
        return VexaRoutes(
            authenticator=self._authenticator,
            catalog=self._backends.catalog,
            storages=self._backends.storages,
            waveforms=self._backends.waveforms,
            links=self._links,
            on_deleted=deletions.wake,
            turns=self._transcript_turns,
        )

    def _bota(self, deletions: DeletionWorker) -> BotaRoutes:
        return BotaRoutes(
            authenticator=self._authenticator,
            bodies=self._bodies,
            catalog=self._backends.catalog,
            recordings=self._backends.recordings,
            search=self._backends.search,
            storages=self._backends.storages,
            links=self._links,
            on_deleted=deletions.wake,
        )

    def _shared_page(self, release: str) -> SharedPage:
        return SharedPage(
            self._backends.share_links,
            self._backends.catalog,
            self._backends.storages,
            self._backends.waveforms,
            self._links,
            turns=self._transcript_turns,
            embed_origins=self._config.sharing.embed_origins,
            release=release,
        )

    def _health(self) -> HealthRoutes:
        checks: dict[str, Check] = {"database": self._backends.check_database}
        return HealthRoutes(
            checks=checks | {f"storage:{name}": each.adapter.ping for name, each in self._backends.storages.items()},
            is_draining=self._drain.is_draining,
            journal=self._journal,
            deletions=self._backends.deletions,
        )

    def serving(self, sockets: Sockets) -> AbstractAsyncContextManager[None]:
        """Serve on the sockets until the block ends, then drain."""
        context = ConnectionContext(
            self._config.server.keepalive_timeout_seconds,
            self._config.delivery.stall_timeout_seconds,
            MalformedRequests(self._journal, self._cors).refuse,
            Lingerers(),
            HeldBytes(),
            self._connections.unread,
            ConnectionLimit(self._config.server.max_client_connections),
        )
        applications = Applications(
            build_app(self._services, with_operations=sockets.admin is None),
            build_admin_app(self._services),
            partial(ServerHandler, self._middleware, self._route.media),
            self._route.acceptor,
        )
        return Serving(self._config, self._traffic, self._connections, context).on(sockets, applications)
