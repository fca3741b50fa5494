"""The byte route: GET and HEAD of one media file.

admit the reader -> open the object -> plan the delivery (gateway/protocol/delivery.py) -> send it (streaming.py)
"""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from aiohttp import hdrs, web

from gateway.catalog import UPLOADS_PREFIX, MediaFile, RecordingCatalog
from gateway.errors import Refusal
from gateway.protocol.delivery import plan_delivery
from gateway.web.access.cors import Cors
from gateway.web.bytes.admissions import Admission, Admissions
from gateway.web.bytes.paced import Pacing
from gateway.web.bytes.streaming import Streamer
from gateway.web.conditions import conditions_of
from gateway.web.exchange import EXCHANGE, Exchange
from gateway.web.links import Links
from gateway.web.media_files import Ids
from gateway.web.responses import SentResponse
from storage_adapters.base import ObjectChanged, ObjectNotFound, ObjectStat, Presigning, StorageError


@dataclass(frozen=True, slots=True, kw_only=True)
class MediaRoute:
    """`/recordings/{recording_id}/media/{media_file_id}/raw`; a body has at most `max_ranges` parts."""

    admissions: Admissions
    catalog: RecordingCatalog
    streamer: Streamer
    learn: Callable[[web.Request, Admission], None]
    take_failure: Callable[[web.Request], StorageError | None]
    links: Links
    cors: Cors
    pacing: Pacing
    max_ranges: int

    async def raw(self, request: web.Request) -> web.StreamResponse:
        """The handler of the application's route, for any spelling of the path."""
        return await self.read(request, request[EXCHANGE], None)

    async def read(self, request: web.Request, exchange: Exchange, ids: Ids | None) -> web.StreamResponse:
        """The bytes: 200, 206, 304, 412 or 416; 302 if readers are redirected to the storage backend.

        `ids` are the path's; None if they are still to be read from the route's match.
        """
        failure = self.take_failure(request)
        admission = await self.admissions.admit(request, exchange, ids)
        # A URL that was presigned for GET refuses HEAD, which needs no bytes anyway.
        if admission.redirects and request.method == hdrs.METH_GET:
            await self._redirect(admission)
        # A HEAD asks for the state in the storage backend. The recorded version does not show that it was archived.
        expected = None if request.method == hdrs.METH_HEAD else admission.prepared.expected
        try:
            try:
                if failure is not None:
                    raise failure
                sent = await self._serve(request, exchange, admission, expected)
            except ObjectChanged:
                # Nothing was written yet: the recorded version was out of date, so look it up and try once more.
                return await self._serve(request, exchange, admission, None)
        except ObjectNotFound:
            await self._record_missing(admission.media)
            raise
        self.learn(request, admission)
        return sent

    async def _redirect(self, admission: Admission) -> None:
        """Raise HTTPFound if the storage backend makes presigned URLs."""
        adapter = admission.storage.adapter
        if isinstance(adapter, Presigning):
            link = await self.links.presigned(adapter, admission.media, admission.prepared.disposition)
            raise web.HTTPFound(link.url)

    async def _serve(
        self, request: web.Request, exchange: Exchange, admission: Admission, expected: ObjectStat | None
    ) -> SentResponse:
        media = admission.media
        async with admission.storage.adapter.open(media.object_key, expected) as stored:
            stat = stored.stat
            if stat.etag != media.etag and media.object_key.startswith(UPLOADS_PREFIX):
                raise ObjectNotFound(media.object_key, "is not the version that was verified when it was uploaded")
            if stat.etag != media.etag or media.missing_at is not None:
                await self._record_version(media, stat)
            now = time.time()
            plan = plan_delivery(
                request.method,
                conditions_of(request.headers),
                admission.prepared.represent(stat, now=now),
                boundary=_boundary,
                now=now,
                max_ranges=self.max_ranges,
            )
            shared = self.cors.headers(request.headers.get(hdrs.ORIGIN), by_key=admission.by_key)
            pace = self.pacing.pace(request.headers, media, stat.size)
            return await self.streamer.send(request, exchange, plan, shared, stored, reader=admission.reader, pace=pace)

    async def _record_missing(self, media: MediaFile) -> None:
        """Record once that the object is missing."""
        if media.missing_at is None:
            with suppress(Refusal):
                await self.catalog.record_missing(media)

    async def _record_version(self, media: MediaFile, stat: ObjectStat) -> None:
        """Record the version that the storage backend has now. A failing catalogue does not fail the response."""
        with suppress(Refusal):
            await self.catalog.record_object_version(
                media, size=stat.size, etag=stat.etag, object_modified_at=stat.last_modified
            )


def _boundary() -> str:
    """A random text that separates parts: no object contains it by design or by chance."""
    return os.urandom(16).hex()
