"""Uploads in Bota's dialect: `upload-url` returns a URL, PUT sends the file to it, `upload-complete` publishes it."""

from dataclasses import dataclass

from aiohttp import hdrs, web

from gateway.catalog import MediaFile, NewUpload, Scope
from gateway.errors import Fault, Invalid
from gateway.protocol.ids import encode_id
from gateway.uploads.completion import Completion
from gateway.uploads.media_uploads import Uploads
from gateway.web.access.authentication import Authenticator
from gateway.web.bota.bodies import read_body, read_completed_media
from gateway.web.bota.query import find_idempotency_key, path_recording_id
from gateway.web.bota.shapes import recording_json, upload_url_json
from gateway.web.bota.upload_urls import UploadUrlBody, UploadUrls, promised_type
from gateway.web.exchange import EXCHANGE
from gateway.web.receiving.json_bodies import JsonBodies
from gateway.web.receiving.upload_bodies import Allowance, ReceiveLimits, StreamsOf, accepted, check_preconditions
from gateway.web.responses import json_response


@dataclass(frozen=True, slots=True)
class UploadRoutes:
    """`upload-url`, the PUT and `upload-complete`; `streams` counts the files that each key is sending."""

    authenticator: Authenticator
    bodies: JsonBodies
    uploads: Uploads
    completion: Completion
    urls: UploadUrls
    streams: StreamsOf
    receive_limits: ReceiveLimits

    async def upload_url(self, request: web.Request) -> web.Response:
        """`POST /v1/recordings/{recording_id}/upload-url`: create a pending media file, and return where to send it."""
        owner = await self.authenticator.authenticate(request, Scope.RECORDINGS_WRITE)
        recording_id = path_recording_id(request)
        body = await read_body(self.bodies, request, UploadUrlBody)
        storage = self.uploads.default
        upload = NewUpload(
            type=body.type,
            storage=storage.name,
            content_type=body.content_type,
            size=body.file_size_bytes,
            captured_at=body.captured_at,
            upload_expires_at=self.urls.presigned_until(storage),
        )
        media = await self.uploads.promise(
            owner, recording_id, upload, await find_idempotency_key(self.bodies, request)
        )
        url = await self.urls.create(request, owner, media, storage)
        return json_response(upload_url_json(media, url))

    async def put(self, request: web.Request) -> web.Response:
        """`PUT /v1/uploads/{token}`: the whole file. Until the upload is completed, another PUT replaces it."""
        if hdrs.CONTENT_RANGE in request.headers:
            # A part must not be mistaken for the whole (RFC 9110 section 14.5).
            words = "A part of a file cannot be put; send the whole file without Content-Range"
            raise Invalid(Fault("upload", ("header", hdrs.CONTENT_RANGE), words))
        owner, grant = await self.urls.verify(request)
        promised = await self.uploads.find(owner, grant.recording_id, grant.media_file_id)
        request[EXCHANGE].storage = promised.storage
        with self.streams(request[EXCHANGE].key_id):
            async with self.uploads.writing(owner, promised) as turn:
                check_preconditions(request, turn.media)
                async with accepted(request, self._allowance(turn.media)) as body:
                    stat = await self.uploads.receive(turn, body, expected=request.content_length)
        return web.Response(headers={hdrs.ETAG: f'"{stat.etag}"', hdrs.CACHE_CONTROL: "no-store"})

    async def upload_complete(self, request: web.Request) -> web.Response:
        """`POST /v1/recordings/{recording_id}/upload-complete`: check the files against the promises, publish them."""
        owner = await self.authenticator.authenticate(request, Scope.RECORDINGS_WRITE)
        asked = await read_completed_media(self.bodies, request)
        completed = await self.completion.complete(owner, path_recording_id(request), asked)
        dropped = [encode_id("med", each) for each in completed.dropped]
        return json_response(recording_json(completed.recording) | ({"dropped_media_ids": dropped} if dropped else {}))

    def _allowance(self, media: MediaFile) -> Allowance:
        return Allowance(self.uploads.max_file_bytes, media.size, promised_type(media), self.receive_limits)
