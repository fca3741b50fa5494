"""The way in, put together: a part of the composition root.

Knows: what the upload routes are built from. Refuses to know: what any of it does.
"""

import asyncio
from collections.abc import Callable

from gateway.backends import Backends
from gateway.catalog import UploadLimits
from gateway.config import Config
from gateway.sweep import Sweep
from gateway.uploads import READERS, Uploads
from gateway.web.authentication import Authenticator
from gateway.web.streaming import Streams
from gateway.web.uploads import UploadRoutes, UploadUrls


def build_sweep(config: Config, backends: Backends, on_swept: Callable[[], None]) -> Sweep:
    """What removes uploads that nobody completed."""
    return Sweep(backends.uploads, config.uploads.abandoned_after_seconds, on_swept)


def build_uploads(config: Config, backends: Backends) -> Uploads:
    """The domain's side of uploads."""
    settings = config.uploads
    return Uploads(
        catalog=backends.catalog,
        uploads=backends.uploads,
        storages=backends.storages,
        default=backends.storages[config.default_storage],
        limits=UploadLimits(settings.max_media_per_recording, settings.max_total_bytes_per_account),
        max_file_bytes=settings.max_file_bytes,
        readers=asyncio.Semaphore(READERS),
    )


def build_upload_routes(
    config: Config, backends: Backends, authenticator: Authenticator, streams: Streams
) -> UploadRoutes:
    """The upload routes of Bota's dialect; `streams` counts what is on its way, so that draining waits for it."""
    settings = config.uploads
    urls = UploadUrls(backends.upload_tokens, config.server.public_url, settings.url_expires_in_seconds)
    return UploadRoutes(
        authenticator=authenticator,
        uploads=build_uploads(config, backends),
        urls=urls,
        streams=streams,
        stall_timeout_seconds=settings.stall_timeout_seconds,
    )
