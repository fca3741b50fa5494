"""Builds the upload routes, and runs the tasks that remove abandoned uploads and join silent sessions."""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Final

from gateway.assembly.backends import Backends, in_background
from gateway.catalog import UploadLimits
from gateway.settings.load import Config
from gateway.uploads.abandoned import AbandonedUploads
from gateway.uploads.bot_sessions import Sessions
from gateway.uploads.completion import Completion
from gateway.uploads.media_uploads import Uploads
from gateway.uploads.session_joiner import SessionJoiner
from gateway.uploads.verification import Verification
from gateway.web.access.authentication import Authenticator
from gateway.web.bota.tus import TusRoutes
from gateway.web.bota.upload_routes import UploadRoutes
from gateway.web.bota.upload_urls import UploadUrls
from gateway.web.bytes.streams import Streams
from gateway.web.receiving.json_bodies import JsonBodies
from gateway.web.receiving.upload_bodies import ReceiveLimits
from gateway.web.vexa.bot_uploads import BotUploadRoutes, InternalSecret
from storage_adapters.multipart_uploads import MultipartUploads

_LONGEST_POLL_SECONDS: Final = 5.0


@asynccontextmanager
async def upload_upkeep(config: Config, backends: Backends, on_removed: Callable[[], None]) -> AsyncGenerator[None]:
    """While the block runs, remove abandoned uploads and join the sessions of bots that fell silent."""
    adapters = (storage.adapter for storage in backends.storages.values())
    parts = [adapter for adapter in adapters if isinstance(adapter, MultipartUploads)]
    abandoned = AbandonedUploads(backends.uploads, config.uploads.abandoned_after_seconds, on_removed, parts)
    joiner = build_joiner(backends, build_uploads(config, backends))
    poll_seconds = min(config.uploads.session_silence_seconds / 10, _LONGEST_POLL_SECONDS)
    async with in_background(abandoned.run), in_background(partial(joiner.run, poll_seconds)):
        yield


def build_uploads(config: Config, backends: Backends) -> Uploads:
    """Build the upload service that the routes and the session joiner use; it contains no HTTP."""
    settings = config.uploads
    return Uploads(
        catalog=backends.catalog,
        pending=backends.uploads,
        writers=backends.upload_writers,
        reservations=backends.upload_reservations,
        storages=backends.storages,
        default=backends.storages[config.default_storage],
        limits=UploadLimits(settings.max_media_per_recording, settings.max_total_bytes_per_account),
        verification=Verification(settings.max_file_bytes, backends.prober),
    )


def build_joiner(backends: Backends, uploads: Uploads) -> SessionJoiner:
    """Build the joiner of the chunks of bots' sessions."""
    return SessionJoiner(backends.session_uploads, backends.session_joins, backends.storages, uploads.verification)


def build_upload_routes(
    config: Config,
    backends: Backends,
    authenticator: Authenticator,
    bodies: JsonBodies,
    streams: Streams,
    *,
    on_removed: Callable[[], None],
) -> tuple[UploadRoutes, TusRoutes, BotUploadRoutes]:
    """Build the upload routes. `streams` counts the running uploads of each key; draining waits for them."""
    settings, uploads = config.uploads, build_uploads(config, backends)
    urls = UploadUrls(backends.upload_tokens, authenticator, config.server.public_url, settings.url_expires_in_seconds)
    receive_limits = ReceiveLimits(settings.stall_timeout_seconds, settings.least_bytes_per_second)
    return (
        UploadRoutes(
            authenticator=authenticator,
            bodies=bodies,
            uploads=uploads,
            completion=Completion(uploads),
            urls=urls,
            streams=streams.of,
            receive_limits=receive_limits,
        ),
        TusRoutes(
            authenticator=authenticator,
            uploads=uploads,
            urls=urls,
            streams=streams.of,
            receive_limits=receive_limits,
            expires_in_seconds=settings.abandoned_after_seconds,
            on_removed=on_removed,
        ),
        BotUploadRoutes(
            authenticator=authenticator,
            bodies=bodies,
            api_keys=backends.api_keys,
            internal=_internal_secret(config),
            sessions=_build_sessions(config, backends, uploads),
            streams=streams.of,
            receive_limits=receive_limits,
        ),
    )


def _build_sessions(config: Config, backends: Backends, uploads: Uploads) -> Sessions:
    joiner = build_joiner(backends, uploads)
    return Sessions(uploads, backends.session_uploads, joiner, config.uploads.session_silence_seconds)


def _internal_secret(config: Config) -> InternalSecret | None:
    secret = config.uploads.internal_secret
    return None if secret is None else InternalSecret(secret.get_secret_value(), config.uploads.internal_owner)
