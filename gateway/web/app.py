"""Every route and middleware on one page.

Knows: which handler answers what. Refuses to know: how anything is answered, and where services come from.
"""

import logging
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from gateway.observability import AccessLog, Metrics
from gateway.web.cors import Cors
from gateway.web.health import HealthRoutes
from gateway.web.media import MediaRoute
from gateway.web.middlewares import answer, observe
from gateway.web.page import PageRoutes
from gateway.web.vexa import VexaRoutes

# The largest JSON body that any route takes.
_MAX_BODY_BYTES: Final = 1024 * 1024

_MEDIA: Final = "/recordings/{recording_id}/media/{media_file_id}"


@dataclass(frozen=True, slots=True)
class Services:
    """All that answers."""

    media: MediaRoute
    vexa: VexaRoutes
    health: HealthRoutes
    page: PageRoutes
    cors: Cors
    metrics: Metrics
    access_log: AccessLog


def build_app(services: Services, *, with_operations: bool) -> web.Application:
    """The public site; `with_operations` adds readiness and metrics, unless they have a port of their own."""
    vexa = services.vexa
    app = _application(services)
    app.add_routes(
        [
            web.get(f"{_MEDIA}/raw", services.media.raw),
            web.get("/recordings", vexa.list_recordings),
            web.get("/recordings/{recording_id}", vexa.get_recording),
            web.delete("/recordings/{recording_id}", vexa.delete_recording),
            web.get("/recordings/{recording_id}/master", vexa.master),
            web.get(f"{_MEDIA}/download", vexa.download),
            web.post(f"{_MEDIA}/playback-url", vexa.playback_url),
            web.get("/transcripts/{platform}/{native_meeting_id}", vexa.transcript),
            web.get("/livez", services.health.livez),
            web.get("/openapi.json", services.health.openapi),
            web.get("/", services.page.index),
            web.get("/player/{name}", services.page.asset),
        ]
    )
    if with_operations:
        app.add_routes(_operations(services))
    return app


def build_admin_app(services: Services) -> web.Application:
    """Operations alone, for a port that the public does not reach."""
    app = _application(services)
    app.add_routes([web.get("/livez", services.health.livez), *_operations(services)])
    return app


def _operations(services: Services) -> list[web.RouteDef]:
    return [web.get("/readyz", services.health.readyz), web.get("/metrics", services.health.metrics)]


def _application(services: Services) -> web.Application:
    return web.Application(
        logger=logging.getLogger("aiohttp.web"),
        middlewares=[observe(services.metrics, services.access_log), answer(services.cors)],
        client_max_size=_MAX_BODY_BYTES,
    )
