"""Admits readers to the byte route, and caches each admission until something that it depends on may have changed.

A player that seeks requests the same path with the same credential many times. An admission holds until its API key,
its media file or its signing key changes or expires, or until the gateway no longer learns of such changes. Refusals
are never cached, and neither are admissions while requests are counted. The cache holds credentials as they were sent,
is bounded, and exists only in memory.
"""

import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from aiohttp import hdrs, web

from gateway.catalog import NOT_CACHED, MediaFile, Owner, RecordingCatalog, Scope, Validity
from gateway.protocol.cache_control import limit_lifetime
from gateway.storage import Storage, storage_named
from gateway.web.access.authentication import X_API_KEY, Authenticator
from gateway.web.bytes.bounded_cache import BoundedCache
from gateway.web.bytes.representations import PreparedRepresentation, Presentation
from gateway.web.exchange import Exchange
from gateway.web.media_files import Ids, find_uploaded, path_ids

MAX_ADMISSIONS: Final = 4096
MAX_BYTES: Final = 4 * 1024 * 1024
# Of path and credential together. A request with more is decided each time.
_MAX_REQUEST_BYTES: Final = 2048

RENEW_SECONDS: Final = 60.0
"""An admission is decided again after this time, so that the last use of its key is recorded about once a minute."""


@dataclass(frozen=True, slots=True)
class Admission:
    """The permission to read one media file: how it is presented, and where it is stored.

    With `redirects`, the client is redirected to the storage backend. Streams are counted for each `reader`, which is an
    API key or a signed URL. The admission ends at `expires_at` (seconds since the epoch; None for never), and is decided
    again at `renew_at` (monotonic clock). The admission of a signed URL also ends when the signing keys get another
    `generation` (None for an API key).
    """

    media: MediaFile
    prepared: PreparedRepresentation
    storage: Storage
    redirects: bool
    principal: str | None
    by_key: bool
    key_id: int | None
    reader: Hashable
    permission: Validity
    generation: int | None
    expires_at: float | None
    renew_at: float


class _Permit(NamedTuple):
    """What a key or a signature permits, for an Admission. `is_shared` marks the signature of a share link."""

    owner: Owner
    presentation: Presentation
    reader: Hashable
    permission: Validity
    expires_at: float | None
    generation: int | None = None
    is_shared: bool = False
    renew_seconds: float = RENEW_SECONDS


class Admissions:
    """Admits readers of the byte route.

    With `counts_requests` each request counts against its key's rate limit, so each is decided anew.
    `cache_control_private` is sent with responses to an API key, `cache_control_signed` with those to a playback URL.
    """

    def __init__(
        self,
        *,
        authenticator: Authenticator,
        catalog: RecordingCatalog,
        storages: Mapping[str, Storage],
        counts_requests: bool,
        cache_control_private: str,
        cache_control_signed: str,
    ) -> None:
        self._authenticator = authenticator
        self._counts_requests = counts_requests
        self._catalog = catalog
        self._storages = storages
        self._by_key = Presentation(cache_control_private, "inline")
        self._cache_control_signed = cache_control_signed
        self._now: Callable[[], float] = time.time
        self._clock: Callable[[], float] = time.monotonic
        self._cache: BoundedCache[tuple[str | None, ...], Admission] = BoundedCache(
            max_entries=MAX_ADMISSIONS, max_bytes=MAX_BYTES
        )

    async def admit(self, request: web.Request, exchange: Exchange, ids: Ids | None) -> Admission:
        """The request's admission; raises a Refusal, or StorageUnavailable.

        `ids` are the path's; None if they are still to be read from the route's match.
        """
        headers = request.headers
        key = (request.raw_path, *headers.getall(X_API_KEY, ()), None, *headers.getall(hdrs.AUTHORIZATION, ()))
        cached = self._cache.get(key)
        if cached is not None:
            if self.holds(cached):
                exchange.principal = cached.principal
                exchange.storage = cached.storage.name
                exchange.by_key, exchange.key_id = cached.by_key, cached.key_id
                return cached
            self._cache.drop(key)
        admission = await self._decide(request, exchange, ids)
        key_bytes = sum(len(text) for text in key if text)
        if key_bytes <= _MAX_REQUEST_BYTES and self.holds(admission):
            self._cache.put(key, admission, key_bytes)
        return admission

    def holds(self, admission: Admission) -> bool:
        """Whether the admission is still valid: deciding again now would give the same."""
        return (
            admission.permission.holds
            and admission.media.validity.holds
            and (admission.generation is None or admission.generation == self._authenticator.generation)
            and (admission.expires_at is None or self._now() < admission.expires_at)
            and self._clock() < admission.renew_at
        )

    async def _decide(self, request: web.Request, exchange: Exchange, ids: Ids | None) -> Admission:
        if self._authenticator.claims_signature(request):
            ids = ids or path_ids(request)
            permit = await self._permit_signature(request, ids)
        else:
            permit = await self._permit_key(request)
            ids = ids or path_ids(request)
        media = await find_uploaded(self._catalog, permit.owner, ids)
        storage = storage_named(self._storages, media.storage, media.object_key)
        exchange.storage = media.storage
        return Admission(
            media=media,
            prepared=PreparedRepresentation(media, permit.presentation),
            storage=storage,
            # The name of an object may contain the owner's id, and a presigned URL does not end with a share link.
            redirects=storage.redirect and not permit.is_shared,
            principal=exchange.principal,
            by_key=exchange.by_key,
            key_id=exchange.key_id,
            reader=permit.reader,
            permission=NOT_CACHED if self._counts_requests else permit.permission,
            generation=permit.generation,
            expires_at=permit.expires_at,
            renew_at=self._clock() + permit.renew_seconds,
        )

    async def _permit_key(self, request: web.Request) -> _Permit:
        key = await self._authenticator.authorize_key(request, Scope.RECORDINGS_READ, is_counted=self._counts_requests)
        expires_at = key.expires_at.timestamp() if key.expires_at else None
        return _Permit(key.owner, self._by_key, key.id, key.validity, expires_at)

    async def _permit_signature(self, request: web.Request, ids: Ids) -> _Permit:
        playback = await self._authenticator.verify_playback(request, *ids)
        left = playback.expires_at - self._now()
        renew_seconds = min(RENEW_SECONDS, max(left / 10, 1))
        # No cache may keep a response for longer than its URL is valid, however late this admission is used.
        cache_control = limit_lifetime(self._cache_control_signed, int(left - renew_seconds))
        return _Permit(
            playback.owner,
            Presentation(cache_control, playback.disposition),
            request.query.get("sig"),
            playback.permission,
            playback.expires_at,
            playback.generation,
            playback.is_shared,
            renew_seconds,
        )
