"""The byte route: GET and HEAD of one media file.

Knows: the way of one seek: admit -> find -> open -> plan -> send. Refuses to know: ranges and preconditions
(gateway.protocol decides them) and how bytes are written (streaming.send).
"""

import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from aiohttp import hdrs, web
from multidict import CIMultiDictProxy

from gateway.catalog import MediaFile, Owner, RecordingCatalog, Scope
from gateway.errors import NotFound, Refusal
from gateway.protocol.conditional import Conditions
from gateway.protocol.delivery import DeliveryPlan, Representation, plan_delivery
from gateway.protocol.signing import Disposition
from gateway.storage import Storage, storage_named
from gateway.web.authentication import Authenticator
from gateway.web.cors import Cors, Header
from gateway.web.exchange import EXCHANGE
from gateway.web.links import Links, file_name
from gateway.web.parameters import path_id
from gateway.web.streaming import Streamer
from storage_adapters.base import ObjectChanged, ObjectNotFound, ObjectStat, Presigning, StoredObject

_BOUNDARY_BYTES: Final = 16


@dataclass(frozen=True, slots=True)
class DeliverySettings:
    """`cache_control_private` answers a key, `cache_control_signed` a playback URL."""

    cache_control_private: str
    cache_control_signed: str
    max_ranges: int


@dataclass(frozen=True, slots=True)
class _Admission:
    """Who may read what, and how the answer may be kept and shown."""

    owner: Owner
    recording_id: int
    media_file_id: int
    disposition: Disposition
    cache_control: str


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
        self._settings = settings
        self._now = now

    async def raw(self, request: web.Request) -> web.StreamResponse:
        """The bytes: 200, 206, 304, 412 or 416; 302 where the storage serves its readers itself."""
        admission = await self._admit(request)
        media = await self._find(admission)
        request[EXCHANGE].storage = media.storage
        storage = storage_named(self._storages, media.storage, media.object_key)
        # A URL that was presigned for GET refuses HEAD, which needs no bytes anyway.
        if storage.redirect and isinstance(storage.adapter, Presigning) and request.method == hdrs.METH_GET:
            link = await self._links.presigned(storage.adapter, media, admission.disposition)
            raise web.HTTPFound(link.url)
        try:
            return await self._serve(request, admission, media, storage, _remembered(media))
        except ObjectChanged:
            # Nothing was written: what we remembered was out of date, so look, and answer afresh, once.
            return await self._serve(request, admission, media, storage, None)
        except ObjectNotFound:
            await self._flag(media)
            raise

    async def _admit(self, request: web.Request) -> _Admission:
        if self._authenticator.claims_signature(request):
            recording_id, media_file_id = _ids(request)
            owner, disposition = self._authenticator.verify_playback(request, recording_id, media_file_id)
            return _Admission(owner, recording_id, media_file_id, disposition, self._settings.cache_control_signed)
        principal = await self._authenticator.authenticate(request, Scope.RECORDINGS_READ)
        return _Admission(principal.owner, *_ids(request), "inline", self._settings.cache_control_private)

    async def _find(self, admission: _Admission) -> MediaFile:
        owner, recording_id = admission.owner, admission.recording_id
        media = await self._catalog.find_media_file(owner, recording_id, admission.media_file_id)
        if media is not None and media.status == "uploaded":
            return media
        known = media is not None or await self._catalog.find_recording(owner, recording_id) is not None
        raise NotFound("Media file not found" if known else "Recording not found")

    async def _serve(
        self,
        request: web.Request,
        admission: _Admission,
        media: MediaFile,
        storage: Storage,
        expected: ObjectStat | None,
    ) -> web.StreamResponse:
        async with storage.adapter.open(media.object_key, expected) as stored:
            if stored.stat.etag != media.etag or media.missing_at is not None:
                await self._remember(media, stored.stat)
            plan = self._plan(request, admission, media, stored)
            return await self._streamer.send(request, plan, self._extra_headers(request), stored)

    def _plan(
        self, request: web.Request, admission: _Admission, media: MediaFile, stored: StoredObject
    ) -> DeliveryPlan:
        stat = stored.stat
        name = file_name(media)
        return plan_delivery(
            request.method,
            _conditions(request.headers),
            Representation(
                size=stat.size,
                etag=f'"{stat.etag}"',
                last_modified=stat.last_modified.timestamp(),
                content_type=media.content_type,
                cache_control=admission.cache_control,
                disposition=f'{admission.disposition}; filename="{name}"',
            ),
            boundary=os.urandom(_BOUNDARY_BYTES).hex(),
            now=self._now(),
            max_ranges=self._settings.max_ranges,
        )

    def _extra_headers(self, request: web.Request) -> tuple[Header, ...]:
        cors = self._cors.headers(request.headers.get(hdrs.ORIGIN))
        return (*cors, ("X-Request-Id", request[EXCHANGE].request_id))

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


def _remembered(media: MediaFile) -> ObjectStat | None:
    """What to hold the storage to; None where it has to be asked: nothing is known, or the object was missing."""
    if media.size is None or media.etag is None or media.object_modified_at is None or media.missing_at is not None:
        return None
    return ObjectStat(media.size, media.etag, media.object_modified_at, media.content_type)


def _conditions(headers: CIMultiDictProxy[str]) -> Conditions:
    """The fields that a delivery depends on, repeated lines joined (RFC 9110 section 5.3)."""
    return Conditions(
        range=_field(headers, hdrs.RANGE),
        if_match=_field(headers, hdrs.IF_MATCH),
        if_none_match=_field(headers, hdrs.IF_NONE_MATCH),
        if_modified_since=_field(headers, hdrs.IF_MODIFIED_SINCE),
        if_unmodified_since=_field(headers, hdrs.IF_UNMODIFIED_SINCE),
        if_range=_field(headers, hdrs.IF_RANGE),
    )


def _field(headers: CIMultiDictProxy[str], name: str) -> str | None:
    lines = headers.getall(name, None)
    return ", ".join(lines) if lines else None
