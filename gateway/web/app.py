"""Every route and middleware on one page.

Knows: which handler answers what. Refuses to know: how anything is answered, and where services come from.
"""

import logging
from dataclasses import dataclass
from functools import partial
from typing import Final

from aiohttp import web

from gateway.protocol.byte_path import BYTE_PATH
from gateway.web.bota.edits import EditRoutes
from gateway.web.bota.routes import BotaRoutes
from gateway.web.bota.share_links import ShareLinkRoutes
from gateway.web.bota.tus import TusRoutes
from gateway.web.bota.upload_routes import UploadRoutes
from gateway.web.bytes.media_route import MediaRoute
from gateway.web.expectations import leave_to_handler, permit_body
from gateway.web.frame import Frame
from gateway.web.health import HealthRoutes
from gateway.web.pages.contract_page import ContractRoutes
from gateway.web.pages.player_page import PageRoutes
from gateway.web.pages.shared_page import SharedPage
from gateway.web.vexa.bot_uploads import BotUploadRoutes
from gateway.web.vexa.routes import VexaRoutes
from gateway.web.waveform_route import WaveformRoute

# The largest JSON body that any route takes.
_MAX_BODY_BYTES: Final = 1024 * 1024

_MEDIA: Final = "/recordings/{recording_id}/media/{media_file_id}"
_SHARED: Final = "/shared/{token}"
# A word of its own, so that no token is taken for another route of the folder, nor that for a token.
_UPLOAD: Final = "/v1/uploads/{token:up_[^{}/]+}"


@dataclass(frozen=True, slots=True)
class Services:
    """All that answers."""

    media: MediaRoute
    vexa: VexaRoutes
    bota: BotaRoutes
    uploads: UploadRoutes
    tus: TusRoutes
    bots: BotUploadRoutes
    waveforms: WaveformRoute
    edits: EditRoutes
    share_links: ShareLinkRoutes
    shared: SharedPage
    health: HealthRoutes
    page: PageRoutes
    contract: ContractRoutes
    frame: Frame


def build_app(services: Services, *, with_operations: bool) -> web.Application:
    """The public site; `with_operations` adds readiness and metrics, unless they have a port of their own."""
    vexa, bota = services.vexa, services.bota
    app = _application(services)
    app.add_routes(
        [
            _get(BYTE_PATH, services.media.raw),
            _get("/recordings", vexa.list_recordings),
            _get("/recordings/{recording_id}", vexa.get_recording),
            _delete("/recordings/{recording_id}", vexa.delete_recording),
            _get("/recordings/{recording_id}/master", vexa.master),
            _get("/recordings/{recording_id}/transcript", vexa.recording_transcript),
            _get(f"{_MEDIA}/download", vexa.download),
            _post(f"{_MEDIA}/playback-url", vexa.playback_url),
            _get(f"{_MEDIA}/waveform", services.waveforms.waveform),
            _get("/transcripts/{platform}/{native_meeting_id}", vexa.transcript),
            _get("/v1/recordings", bota.list_recordings),
            _post("/v1/recordings", bota.create_recording),
            _get("/v1/recordings/{recording_id}", bota.get_recording),
            _delete("/v1/recordings/{recording_id}", bota.delete_recording),
            _patch("/v1/recordings/{recording_id}", services.edits.update),
            _get("/v1/recordings/{recording_id}/transcript", services.edits.get_transcript),
            _put_file("/v1/recordings/{recording_id}/transcript", services.edits.put_transcript),
            _post("/v1/recordings/{recording_id}/links", services.share_links.create),
            _get("/v1/recordings/{recording_id}/links", services.share_links.list_links),
            _delete("/v1/recordings/{recording_id}/links/{link_id}", services.share_links.end),
            _post("/v1/recordings/{recording_id}/download-url", bota.download_url),
            _post("/v1/recordings/{recording_id}/upload-url", services.uploads.upload_url),
            _post("/v1/recordings/{recording_id}/upload-complete", services.uploads.upload_complete),
            _post_file("/internal/recordings/upload", services.bots.upload),
            _put_file(_UPLOAD, services.uploads.put),
            _post("/v1/uploads/tus", services.tus.create),
            _head(_UPLOAD, services.tus.offset),
            _patch_file(_UPLOAD, services.tus.append),
            _delete(_UPLOAD, services.tus.terminate),
            _get("/livez", services.health.livez),
            _get("/openapi.json", services.contract.document),
            _get("/docs", services.contract.index),
            _get("/docs/{name}", services.contract.asset),
            _get("/", services.page.index),
            _get("/player/{name}", services.page.asset),
            _get(_SHARED, services.shared.page),
            _get(f"{_SHARED}/embed", services.shared.embed),
            _get(f"{_SHARED}/recording.json", services.shared.recording),
            _get(f"{_SHARED}/captions.vtt", services.shared.captions),
            _get(_SHARED + r"/media/{number:\d{1,3}}/waveform", services.shared.waveform),
        ]
    )
    if with_operations:
        app.add_routes(_operations(services))
    return app


def build_admin_app(services: Services) -> web.Application:
    """Operations alone, for a port that the public does not reach."""
    app = _application(services)
    app.add_routes([_get("/livez", services.health.livez), *_operations(services)])
    return app


_get: Final = partial(web.get, expect_handler=permit_body)
_post: Final = partial(web.post, expect_handler=permit_body)
_patch: Final = partial(web.patch, expect_handler=permit_body)
_delete: Final = partial(web.delete, expect_handler=permit_body)
_head: Final = partial(web.head, expect_handler=permit_body)
# Who sends a file learns first whether it is wanted.
_put_file: Final = partial(web.put, expect_handler=leave_to_handler)
_post_file: Final = partial(web.post, expect_handler=leave_to_handler)
_patch_file: Final = partial(web.patch, expect_handler=leave_to_handler)


def _operations(services: Services) -> list[web.RouteDef]:
    return [_get("/readyz", services.health.readyz), _get("/metrics", services.health.metrics)]


def _application(services: Services) -> web.Application:
    return web.Application(
        logger=logging.getLogger("aiohttp.web"),
        middlewares=[services.frame.middleware()],
        client_max_size=_MAX_BODY_BYTES,
    )
