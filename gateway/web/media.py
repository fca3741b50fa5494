"""The byte route: GET and HEAD of one media file.

Knows: the way of one seek: admit -> find -> open -> plan -> send. Refuses to know: ranges and preconditions
(gateway.protocol decides them) and how bytes are written (streaming.send).
"""

import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, NamedTuple

from aiohttp import hdrs, web
from multidict import CIMultiDictProxy

from gateway.catalog import MediaFile, Owner, RecordingCatalog, Scope
from gateway.errors import NotFound, Refusal
from gateway.protocol.conditional import Conditions
from gateway.protocol.delivery import plan_delivery
from gateway.storage import Storage, storage_named
from gateway.web.authentication import Authenticator
from gateway.web.cors import Cors
from gateway.web.exchange import EXCHANGE, Exchange
from gateway.web.links import Links
from gateway.web.parameters import path_id
from gateway.web.representations import Prepared, Presentation, Representations
from gateway.web.responses import SentResponse
from gateway.web.streaming import Streamer
from storage_adapters.base import ObjectChanged, ObjectNotFound, ObjectStat, Presigning

# The path's two ids: the recording's, and the media file's.
Ids = tuple[int, int]


class _Reading(NamedTuple):
    """Who reads what."""

    request: web.Request
    exchange: Exchange
    media: MediaFile
    prepared: Prepared
    storage: Storage


@dataclass(frozen=True, slots=True)
class DeliverySettings:
    """`cache_control_private` answers a key, `cache_control_signed` a playback URL."""

    cache_control_private: str
    cache_control_signed: str
    max_ranges: int


class MediaRoute:
    """`/recordings/{recording_id}/media/{media_file_id}/raw`."""

    def __init__(
        self,
        *,
        authenticator: Authenticator,
        catalog: RecordingCatalog,
        storages: Mapping[str, Storage],
        streamer: Streamer,
        links: Links,
        cors: Cors,
        settings: DeliverySettings,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._authenticator = authenticator
        self._catalog = catalog
        self._storages = storages
        self._streamer = streamer
        self._links = links
        self._cors = cors
        self._max_ranges = settings.max_ranges
        self._by_key = Presentation(settings.cache_control_private, "inline")
        self._cache_control_signed = settings.cache_control_signed
        self._representations = Representations()
        self._now = now

    async def raw(self, request: web.Request) -> web.StreamResponse:
        """The route, however its path is spelled."""
        return await self.read(request, request[EXCHANGE], None)

    async def read(self, request: web.Request, exchange: Exchange, ids: Ids | None) -> web.StreamResponse:
        """The bytes: 200, 206, 304, 412 or 416; 302 where the storage serves its readers itself.

        `ids` are the path's, None: they are still to be read from the route's match.
        """
        if "?" in request.raw_path and self._authenticator.claims_signature(request):
            ids = ids or _ids(request)
            playback = self._authenticator.verify_playback(request, *ids)
            owner = playback.owner
            presentation = Presentation(self._cache_control_signed, playback.disposition)
        else:
            owner = await self._authenticator.authenticate(request, Scope.RECORDINGS_READ)
            ids = ids or _ids(request)
            presentation = self._by_key
        media = await self._catalog.find_media_file(owner, *ids)
        if media is None or media.status != "uploaded":
            raise await self._not_found(owner, ids, media)
        exchange.storage = media.storage
        storage = storage_named(self._storages, media.storage, media.object_key)
        # A URL that was presigned for GET refuses HEAD, which needs no bytes anyway.
        if storage.redirect and isinstance(storage.adapter, Presigning) and request.method == hdrs.METH_GET:
            link = await self._links.presigned(storage.adapter, media, presentation.disposition)
            raise web.HTTPFound(link.url)
        prepared = self._representations.prepare(media, presentation)
        reading = _Reading(request, exchange, media, prepared, storage)
        try:
            return await self._serve(reading, prepared.expected)
        except ObjectChanged:
            # Nothing was written: what we remembered was out of date, so look, and answer afresh, once.
            return await self._serve(reading, None)
        except ObjectNotFound:
            await self._flag(media)
            raise

    async def _not_found(self, owner: Owner, ids: Ids, media: MediaFile | None) -> NotFound:
        known = media is not None or await self._catalog.find_recording(owner, ids[0]) is not None
        return NotFound("Media file not found" if known else "Recording not found")

    async def _serve(self, reading: _Reading, expected: ObjectStat | None) -> SentResponse:
        request, exchange, media, prepared, storage = reading
        async with storage.adapter.open(media.object_key, expected) as stored:
            stat = stored.stat
            if stat.etag != media.etag or media.missing_at is not None:
                await self._remember(media, stat)
            now = self._now()
            plan = plan_delivery(
                request.method,
                _conditions(request.headers),
                prepared.represent(stat, now=now),
                boundary=_boundary,
                now=now,
                max_ranges=self._max_ranges,
            )
            shared = self._cors.headers(request.headers.get(hdrs.ORIGIN))
            return await self._streamer.send(request, exchange, plan, shared, stored)

    async def _flag(self, media: MediaFile) -> None:
        """Write down that the object is missing, once."""
        if media.missing_at is None:
            with suppress(Refusal):
                await self._catalog.record_missing(media.id)

    async def _remember(self, media: MediaFile, stat: ObjectStat) -> None:
        """Write down the version that the storage has now; a catalogue in trouble costs no answer."""
        with suppress(Refusal):
            await self._catalog.record_object_version(
                media.id, size=stat.size, etag=stat.etag, object_modified_at=stat.last_modified
            )


def _ids(request: web.Request) -> tuple[int, int]:
    return path_id(request, "recording_id"), path_id(request, "media_file_id")


def _conditions(headers: CIMultiDictProxy[str]) -> Conditions:
    """The fields that a delivery depends on, repeated lines joined (RFC 9110 section 5.3)."""
    return Conditions(*[", ".join(lines) if (lines := headers.getall(name, None)) else None for name in _CONDITIONS])


# In the order of Conditions.
_CONDITIONS: Final = (
    hdrs.RANGE,
    hdrs.IF_MATCH,
    hdrs.IF_NONE_MATCH,
    hdrs.IF_MODIFIED_SINCE,
    hdrs.IF_UNMODIFIED_SINCE,
    hdrs.IF_RANGE,
)


def _boundary() -> str:
    """What separates parts: nothing that could stand in an object by design or by chance."""
    return os.urandom(16).hex()
