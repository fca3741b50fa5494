"""The JSON routes of Bota's dialect, except for uploads."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from aiohttp import hdrs, web

from gateway.catalog import ClientRecordings, MediaFile, Owner, Recording, RecordingCatalog, Scope
from gateway.catalog.search import RecordingSearch
from gateway.errors import NotFound, require
from gateway.protocol.ids import decode_id
from gateway.storage import Storage, storage_named
from gateway.web.access.authentication import Authenticator
from gateway.web.bota.bodies import DownloadUrlBody, read_body, read_new_recording
from gateway.web.bota.query import find_idempotency_key, includes_origin, parse_recordings_query, path_recording_id
from gateway.web.bota.shapes import page_json, recording_etag, recording_json, search_json
from gateway.web.links import Links
from gateway.web.receiving.json_bodies import JsonBodies
from gateway.web.responses import json_page, json_response, whole_seconds


@dataclass(frozen=True, slots=True)
class BotaRoutes:
    """The JSON routes; `on_deleted` is called after objects were queued for deletion."""

    authenticator: Authenticator
    bodies: JsonBodies
    catalog: RecordingCatalog
    recordings: ClientRecordings
    search: RecordingSearch
    storages: Mapping[str, Storage]
    links: Links
    on_deleted: Callable[[], None]

    async def list_recordings(self, request: web.Request) -> web.Response:
        """`GET /v1/recordings`: a page, by default newest first; with `q`, the results of a search, best first."""
        owner = await self.authenticator.authenticate(request, Scope.RECORDINGS_READ)
        query = parse_recordings_query(request)
        window, with_origin = {"limit": query.limit, "offset": query.offset}, query.include is not None
        if query.q is not None:
            found = await self.search.search(owner, query.q, query.wanted, **window)
            return json_page(request, search_json(found, with_origin=with_origin))
        page = await self.recordings.list_page(owner, query.wanted, **window)
        return json_page(request, page_json(page, with_origin=with_origin))

    async def get_recording(self, request: web.Request) -> web.Response:
        """`GET /v1/recordings/{recording_id}`."""
        owner = await self.authenticator.authenticate(request, Scope.RECORDINGS_READ)
        recording = await self._recording(request, owner)
        shown = recording_json(recording, with_origin=includes_origin(request))
        return json_response(shown, headers={hdrs.ETAG: recording_etag(recording)})

    async def create_recording(self, request: web.Request) -> web.Response:
        """`POST /v1/recordings`: a recording that waits for its media."""
        owner = await self.authenticator.authenticate(request, Scope.RECORDINGS_WRITE)
        new = await read_new_recording(self.bodies, request)
        created = await self.recordings.create_recording(owner, new, await find_idempotency_key(self.bodies, request))
        return json_response(recording_json(created), status=201)

    async def delete_recording(self, request: web.Request) -> web.Response:
        """`DELETE /v1/recordings/{recording_id}`: delete it immediately, and queue its objects for deletion."""
        owner = await self.authenticator.authenticate(request, Scope.RECORDINGS_WRITE)
        if not await self.catalog.delete_recording(owner, path_recording_id(request)):
            raise NotFound("Recording not found")
        self.on_deleted()
        return web.Response(status=204)

    async def download_url(self, request: web.Request) -> web.Response:
        """`POST /v1/recordings/{recording_id}/download-url`: a URL to download one of its media files from."""
        owner = await self.authenticator.authenticate(request, Scope.RECORDINGS_READ)
        body = await read_body(self.bodies, request, DownloadUrlBody)
        media = _uploaded(await self._recording(request, owner), body.media_id)
        storage = storage_named(self.storages, media.storage, media.object_key)
        link = await self.links.download(request, owner, media, storage)
        return json_response(
            {
                "download_url": link.url,
                "media_id": body.media_id,
                "content_type": media.content_type,
                "file_size_bytes": media.size,
                "expires_at": whole_seconds(link.expires_at),
            }
        )

    async def _recording(self, request: web.Request, owner: Owner) -> Recording:
        return require(await self.catalog.find_recording(owner, path_recording_id(request)), "Recording")


def _uploaded(recording: Recording, media_id: str) -> MediaFile:
    """The recording's uploaded media file with that id. Raises NotFound."""
    wanted = decode_id("med", media_id)
    for media in recording.media_files:
        if media.id == wanted and media.status == "uploaded":
            return media
    raise NotFound("Media not found")
