"""Builds the aiohttp applications: every route and the middleware are on this page."""

import logging
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from gateway.protocol.byte_path import BYTE_PATH
from gateway.web.bota.edit_routes import EditRoutes
from gateway.web.bota.routes import BotaRoutes
from gateway.web.bota.share_link_routes import ShareLinkRoutes
from gateway.web.bota.tus import TusRoutes
from gateway.web.bota.upload_routes import UploadRoutes
from gateway.web.bytes.media_route import MediaRoute
from gateway.web.health import HealthRoutes
from gateway.web.middleware import RequestMiddleware
from gateway.web.pages.contract_page import ContractRoutes
from gateway.web.pages.player_page import PageRoutes
from gateway.web.pages.shared_page import SharedPage
from gateway.web.receiving.json_bodies import MAX_JSON_BYTES
from gateway.web.vexa.bot_uploads import BotUploadRoutes
from gateway.web.vexa.routes import VexaRoutes

_MEDIA: Final = "/recordings/{recording_id}/media/{media_file_id}"
_RECORDING: Final = "/v1/recordings/{recording_id}"
_SHARED: Final = "/shared/{token}"
_PAGE_FILE: Final = "{release:[0-9a-f]{12}}/{name}"
# The prefix distinguishes tokens from `/v1/uploads/tus`.
_UPLOAD: Final = "/v1/uploads/{token:up_[^{}/]+}"


@dataclass(frozen=True, slots=True)
class Services:
    """The handlers of all routes."""

    media: MediaRoute
    vexa: VexaRoutes
    bota: BotaRoutes
    uploads: UploadRoutes
    tus: TusRoutes
    bots: BotUploadRoutes
    edits: EditRoutes
    share_links: ShareLinkRoutes
    shared: SharedPage
    health: HealthRoutes
    page: PageRoutes
    contract: ContractRoutes
    middleware: RequestMiddleware


def build_app(services: Services, *, with_operations: bool) -> web.Application:
    """The public application; `with_operations` adds readiness and metrics, which may have a port of their own."""
    app = _application(services)
    app.add_routes([web.get(BYTE_PATH, services.media.raw), web.get("/livez", services.health.livez)])
    for routes in (_vexa_routes, _bota_routes, _upload_routes, _page_routes):
        app.add_routes(routes(services))
    if with_operations:
        app.add_routes(_operations(services))
    return app


def _vexa_routes(services: Services) -> list[web.RouteDef]:
    vexa = services.vexa
    return [
        web.get("/recordings", vexa.list_recordings),
        web.get("/recordings/{recording_id}", vexa.get_recording),
        web.delete("/recordings/{recording_id}", vexa.delete_recording),
        web.get("/recordings/{recording_id}/master", vexa.master),
        web.get("/recordings/{recording_id}/transcript", vexa.recording_transcript),
        web.get(f"{_MEDIA}/download", vexa.download),
        web.post(f"{_MEDIA}/playback-url", vexa.playback_url),
        web.get(f"{_MEDIA}/waveform", vexa.waveform),
        web.get("/transcripts/{platform}/{native_meeting_id}", vexa.transcript),
        web.post("/internal/recordings/upload", services.bots.upload),
    ]


def _bota_routes(services: Services) -> list[web.RouteDef]:
    bota, edits, share_links = services.bota, services.edits, services.share_links
    return [
        web.get("/v1/recordings", bota.list_recordings),
        web.post("/v1/recordings", bota.create_recording),
        web.get(_RECORDING, bota.get_recording),
        web.delete(_RECORDING, bota.delete_recording),
        web.patch(_RECORDING, edits.update),
        web.get(f"{_RECORDING}/transcript", edits.get_transcript),
        web.put(f"{_RECORDING}/transcript", edits.put_transcript),
        web.post(f"{_RECORDING}/links", share_links.create),
        web.get(f"{_RECORDING}/links", share_links.list_links),
        web.delete(f"{_RECORDING}/links/{{link_id}}", share_links.end),
        web.post(f"{_RECORDING}/download-url", bota.download_url),
    ]


def _upload_routes(services: Services) -> list[web.RouteDef]:
    uploads, tus = services.uploads, services.tus
    return [
        web.post(f"{_RECORDING}/upload-url", uploads.upload_url),
        web.post(f"{_RECORDING}/upload-complete", uploads.upload_complete),
        web.put(_UPLOAD, uploads.put),
        web.post("/v1/uploads/tus", tus.create),
        web.options("/v1/uploads/tus", tus.capabilities),
        web.head(_UPLOAD, tus.offset),
        web.patch(_UPLOAD, tus.append),
        web.delete(_UPLOAD, tus.terminate),
        web.post(_UPLOAD, tus.overridden),
        web.options(_UPLOAD, tus.capabilities),
    ]


def _page_routes(services: Services) -> list[web.RouteDef]:
    page, contract, shared = services.page, services.contract, services.shared
    return [
        web.get("/", page.index),
        web.get(f"/player/{_PAGE_FILE}", page.asset),
        web.get("/openapi.json", contract.document),
        web.get("/docs", contract.index),
        web.get(f"/docs/{_PAGE_FILE}", contract.asset),
        web.get(_SHARED, shared.page),
        web.get(f"{_SHARED}/embed", shared.embed),
        web.get(f"{_SHARED}/recording.json", shared.recording),
        web.get(f"{_SHARED}/captions.vtt", shared.captions),
        web.get(f"{_SHARED}/picture", shared.picture),
        web.get(_SHARED + r"/media/{number:\d{1,3}}/waveform", shared.waveform),
    ]


def build_admin_app(services: Services) -> web.Application:
    """The operations routes alone, for a port that is not public."""
    app = _application(services)
    app.add_routes([web.get("/livez", services.health.livez), *_operations(services)])
    return app


def _operations(services: Services) -> list[web.RouteDef]:
    return [web.get("/readyz", services.health.readyz), web.get("/metrics", services.health.metrics)]


def _application(services: Services) -> web.Application:
    return web.Application(
        logger=logging.getLogger("aiohttp.web"),
        middlewares=[services.middleware.middleware()],
        client_max_size=MAX_JSON_BYTES,
    )
