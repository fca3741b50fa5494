"""Resumable uploads: the tus protocol 1.0.0, core, creation, checksum, expiration and termination.

    POST    /v1/uploads/tus       Upload-Length, Upload-Metadata   201 Location     a pending media file
    HEAD    /v1/uploads/{token}                                    200 Upload-Offset
    PATCH   /v1/uploads/{token}   Upload-Offset, bytes             204 Upload-Offset
    DELETE  /v1/uploads/{token}                                    204
    POST    /v1/uploads/{token}   X-HTTP-Method-Override           as the method that it names
    OPTIONS on both                                                204 Tus-Version, Tus-Extension, Tus-Max-Size

Bytes that arrived before a connection broke are stored. A piece with a checksum is stored whole or not at all. After
the last byte the object exists, as after a PUT, and `upload-complete` publishes it.
"""

import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import hdrs, web

from gateway.catalog import MediaFile, NewUpload, Owner, Scope
from gateway.errors import Busy, Conflict, require
from gateway.protocol.http_date import format_http_date
from gateway.protocol.ids import decode_id
from gateway.uploads.media_uploads import Uploads
from gateway.web.access.authentication import Authenticator
from gateway.web.bota import tus_fields
from gateway.web.bota.upload_urls import UploadUrls
from gateway.web.exchange import EXCHANGE
from gateway.web.receiving.upload_bodies import Allowance, Checksum, ReceiveLimits, StreamsOf, accepted
from storage_adapters.resumable import PartialWriter

_COLLECTION_METHODS: Final = ("OPTIONS", "POST")
_FILE_METHODS: Final = ("DELETE", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")


@dataclass(frozen=True, slots=True)
class TusRoutes:
    """The routes of the protocol; `on_removed` is called after an object was queued for deletion."""

    authenticator: Authenticator
    uploads: Uploads
    urls: UploadUrls
    streams: StreamsOf
    receive_limits: ReceiveLimits
    expires_in_seconds: int
    on_removed: Callable[[], None]

    @tus_fields.with_tus_fields
    async def create(self, request: web.Request) -> web.Response:
        """`POST /v1/uploads/tus`: create a pending media file, to be sent in pieces."""
        owner = await self.authenticator.authenticate(request, Scope.RECORDINGS_WRITE)
        tus_fields.check_version(request)
        tus_fields.check_extensions(request)
        metadata = tus_fields.parse_metadata(request.headers.get("Upload-Metadata", ""))
        length = tus_fields.number_of_bytes(request, "Upload-Length")
        if length > self.uploads.max_file_bytes:
            raise web.HTTPRequestEntityTooLarge(max_size=self.uploads.max_file_bytes, actual_size=length)
        promise = tus_fields.parse_tus_promise(metadata, length)
        recording_id = require(decode_id("rec", metadata.get("recording_id", "")), "Recording")
        upload = NewUpload(promise.type, self._resumable(), promise.content_type, promise.file_size_bytes)
        media = await self.uploads.promise(owner, recording_id, upload)
        expires = int(time.time()) + self.expires_in_seconds
        location = self.urls.gateway_url(request, owner, media, expires)
        return web.Response(status=201, headers={hdrs.LOCATION: location, "Upload-Expires": format_http_date(expires)})

    @tus_fields.with_tus_fields
    async def offset(self, request: web.Request) -> web.Response:
        """`HEAD /v1/uploads/{token}`: how many bytes have arrived."""
        tus_fields.check_version(request)
        owner, media, expires = await self._find(request)
        offset = await self.uploads.stored_bytes(media)
        if offset == media.size:
            with suppress(Busy):
                await self.uploads.publish_if_complete(owner, media)
        return web.Response(
            headers={
                "Upload-Offset": str(offset),
                "Upload-Length": str(media.size),
                "Upload-Expires": format_http_date(expires),
                hdrs.CACHE_CONTROL: "no-store",
            }
        )

    @tus_fields.with_tus_fields
    async def append(self, request: web.Request) -> web.Response:
        """`PATCH /v1/uploads/{token}`: append a piece at `Upload-Offset`."""
        tus_fields.check_version(request)
        owner, media, expires = await self._find(request)
        offset = tus_fields.number_of_bytes(request, "Upload-Offset")
        checksum = tus_fields.find_checksum(request)
        with self.streams(request[EXCHANGE].key_id):
            async with self.uploads.writing(owner, media) as turn:
                async with self.uploads.resumable(media).append(media.object_key) as writer:
                    if writer.size != offset or turn.media.etag is not None:
                        stored = writer.size if turn.media.etag is None else turn.media.size
                        raise Conflict(f"Upload-Offset is {offset}, and {stored} bytes are stored")
                    await self._receive(request, turn.media, writer, checksum)
                if writer.size == media.size:
                    await self.uploads.publish(turn)
        return web.Response(
            status=204, headers={"Upload-Offset": str(writer.size), "Upload-Expires": format_http_date(expires)}
        )

    @tus_fields.with_tus_fields
    async def terminate(self, request: web.Request) -> web.Response:
        """`DELETE /v1/uploads/{token}`: delete the pending media file and the bytes that arrived."""
        tus_fields.check_version(request)
        owner, media, _ = await self._find(request)
        if not await self.uploads.pending.remove_upload(owner, media.recording_id, media.id):
            raise Conflict("The upload is completed")
        self.on_removed()
        return web.Response(status=204)

    async def overridden(self, request: web.Request) -> web.Response:
        """`POST /v1/uploads/{token}`: the method in X-HTTP-Method-Override, for clients that cannot send it."""
        methods: dict[str, Any] = {
            hdrs.METH_HEAD: TusRoutes.offset,
            hdrs.METH_PATCH: TusRoutes.append,
            hdrs.METH_DELETE: TusRoutes.terminate,
        }
        handler = methods.get(request.headers.get("X-HTTP-Method-Override", "").upper(), TusRoutes._not_allowed)
        response: web.Response = await handler(self, request)
        return response

    @tus_fields.with_tus_fields
    async def _not_allowed(self, request: web.Request) -> web.Response:
        raise web.HTTPMethodNotAllowed(request.method, _FILE_METHODS)

    async def capabilities(self, request: web.Request) -> web.Response:
        """`OPTIONS`: the versions and extensions of this server. The response has no Tus-Resumable."""
        methods = _FILE_METHODS if "token" in request.match_info else _COLLECTION_METHODS
        extensions = tus_fields.EXTENSIONS if self.uploads.is_resumable else ()
        return web.Response(
            status=204,
            headers={
                hdrs.ALLOW: ", ".join(methods),
                "Tus-Version": tus_fields.VERSION,
                "Tus-Extension": ",".join(extensions),
                "Tus-Max-Size": str(self.uploads.max_file_bytes),
                "Tus-Checksum-Algorithm": ",".join(tus_fields.ALGORITHMS),
            },
        )

    async def _receive(
        self, request: web.Request, media: MediaFile, writer: PartialWriter, checksum: Checksum | None
    ) -> None:
        most = self.uploads.max_bytes(media) - writer.size
        allowance = Allowance(most, None, tus_fields.CONTENT_TYPE, self.receive_limits)
        async with _all_or_nothing(checksum, writer), accepted(request, allowance) as body:
            async for chunk in body:
                if checksum is not None:
                    checksum.update(chunk)
                await writer.write(chunk)
            if checksum is not None and not checksum.matches():
                raise tus_fields.ChecksumMismatch(reason="Checksum Mismatch")

    async def _find(self, request: web.Request) -> tuple[Owner, MediaFile, int]:
        owner, grant = await self.urls.verify(request)
        media = await self.uploads.find(owner, grant.recording_id, grant.media_file_id)
        if media.size is None:
            raise Conflict("The upload's length was not promised")
        return owner, media, grant.expires

    def _resumable(self) -> str:
        """The name of the storage backend for new uploads. Raises Conflict if it takes no pieces."""
        if not self.uploads.is_resumable:
            raise Conflict("The storage backend accepts no resumable uploads")
        return self.uploads.default.name


@asynccontextmanager
async def _all_or_nothing(checksum: Checksum | None, writer: PartialWriter) -> AsyncGenerator[None, None]:
    """If the block raises, drop a piece with a checksum; keep as much of any other piece as arrived."""
    start = writer.size
    try:
        yield
    except BaseException:
        if checksum is not None:
            await writer.truncate(start)
        raise
