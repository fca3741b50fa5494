"""The JSON routes of Vexa's dialect. Field names are in `shapes.py`, error bodies in gateway/web/dialects.py."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial

from aiohttp import hdrs, web

from gateway.catalog import MediaFile, Owner, RecordingCatalog, Scope, Transcript
from gateway.errors import NotFound, require
from gateway.media.fair_semaphore import FairSemaphore
from gateway.media.waveforms import Waveforms
from gateway.protocol.byte_path import byte_path
from gateway.storage import Storage, storage_named
from gateway.web.access.authentication import Authenticator
from gateway.web.links import Link, Links, file_name
from gateway.web.media_files import not_found, transcript_of, transcript_version_of, uploaded_media, waveform_response
from gateway.web.parameters import MasterQuery, RecordingsQuery, TranscriptQuery, parse_query, path_id
from gateway.web.responses import built_json_response, json_response, not_modified, weak_etag, whole_seconds
from gateway.web.vexa.shapes import Json, recording_json, transcript_json


@dataclass(frozen=True, slots=True)
class VexaRoutes:
    """The JSON routes; `on_deleted` is called after objects were queued for deletion.

    `turns` bounds how many transcripts are held while their responses are written.
    """

    authenticator: Authenticator
    catalog: RecordingCatalog
    storages: Mapping[str, Storage]
    waveforms: Waveforms
    links: Links
    on_deleted: Callable[[], None]
    turns: FairSemaphore

    async def list_recordings(self, request: web.Request) -> web.Response:
        """`GET /recordings`: a page, newest first."""
        owner = await self.authenticator.authenticate(request, Scope.RECORDINGS_READ)
        query = parse_query(RecordingsQuery, request)
        page = await self.catalog.list_recordings(
            owner, limit=query.limit, offset=query.offset, meeting_id=query.meeting_id
        )
        return json_response({"recordings": [recording_json(recording, self.storages) for recording in page]})

    async def get_recording(self, request: web.Request) -> web.Response:
        """`GET /recordings/{recording_id}`."""
        owner = await self.authenticator.authenticate(request, Scope.RECORDINGS_READ)
        recording = await self.catalog.find_recording(owner, path_id(request, "recording_id"))
        return json_response(recording_json(require(recording, "Recording"), self.storages))

    async def delete_recording(self, request: web.Request) -> web.Response:
        """`DELETE /recordings/{recording_id}`: delete its rows immediately, and queue its objects for deletion."""
        owner = await self.authenticator.authenticate(request, Scope.RECORDINGS_WRITE)
        recording_id = path_id(request, "recording_id")
        if not await self.catalog.delete_recording(owner, recording_id):
            raise NotFound("Recording not found")
        self.on_deleted()
        return json_response({"status": "deleted", "recording_id": recording_id})

    async def download(self, request: web.Request) -> web.Response:
        """`GET /recordings/{recording_id}/media/{media_file_id}/download`."""
        owner = await self.authenticator.authenticate(request, Scope.RECORDINGS_READ)
        media = await uploaded_media(request, self.catalog, owner)
        return json_response(await self._download_json(request, owner, media))

    async def waveform(self, request: web.Request) -> web.Response:
        """`GET /recordings/{recording_id}/media/{media_file_id}/waveform`: the bins computed so far.

        The client requests them again until they are complete.
        """
        owner = await self.authenticator.authenticate(request, Scope.RECORDINGS_READ)
        media = await uploaded_media(request, self.catalog, owner)
        return await waveform_response(self.waveforms, self.storages, media, owner)

    async def playback_url(self, request: web.Request) -> web.Response:
        """`POST /recordings/{recording_id}/media/{media_file_id}/playback-url`."""
        owner = await self.authenticator.authenticate(request, Scope.RECORDINGS_READ)
        media = await uploaded_media(request, self.catalog, owner)
        link = self.links.playback(request, owner, media, "inline")
        return json_response({"url": link.url, "expires_at": whole_seconds(link.expires_at)})

    async def master(self, request: web.Request) -> web.Response:
        """`GET /recordings/{recording_id}/master?type=`: the newest finished file of that type."""
        owner = await self.authenticator.authenticate(request, Scope.RECORDINGS_READ)
        recording_id = path_id(request, "recording_id")
        query = parse_query(MasterQuery, request)
        media = await self.catalog.find_master(owner, recording_id, query.type)
        if media is None:
            raise await not_found("Media file", self.catalog, owner, recording_id)
        return json_response(
            await self._download_json(request, owner, media)
            | {
                "media_file_id": media.id,
                "raw_url": byte_path(media.recording_id, media.id),
                "duration_seconds": media.duration_seconds,
            }
        )

    async def transcript(self, request: web.Request) -> web.Response:
        """`GET /transcripts/{platform}/{native_meeting_id}?meeting_id=`: the room's newest meeting, or that one."""
        owner = await self.authenticator.authenticate(request, Scope.TRANSCRIPTIONS_READ)
        platform, native_id = request.match_info["platform"], request.match_info["native_meeting_id"]
        query = parse_query(TranscriptQuery, request)
        key = (owner, platform, native_id, query.meeting_id)
        missing = NotFound(f"Meeting not found for platform {platform} and ID {native_id}")

        async def read() -> Transcript:
            if (found := await self.catalog.find_transcript(*key)) is None:
                raise missing
            return found

        if (version := await self.catalog.find_transcript_version(*key)) is None:
            raise missing
        return await self._transcript(request, owner, version, read)

    async def recording_transcript(self, request: web.Request) -> web.Response:
        """`GET /recordings/{recording_id}/transcript`: the transcript of the recording's meeting."""
        owner = await self.authenticator.authenticate(request, Scope.TRANSCRIPTIONS_READ)
        recording_id = path_id(request, "recording_id")
        version = await transcript_version_of(self.catalog, owner, recording_id)
        return await self._transcript(request, owner, version, lambda: transcript_of(self.catalog, owner, recording_id))

    async def _transcript(
        self, request: web.Request, owner: Owner, version: str, read: Callable[[], Awaitable[Transcript]]
    ) -> web.Response:
        """The transcript, or 304. The version is older than the transcript: a change in between is seen by the next request."""
        headers: dict[str, str] = {hdrs.ETAG: weak_etag(version)}
        if unchanged := not_modified(request, headers):
            return unchanged
        async with self.turns.permit(owner.user_id):
            return await built_json_response(partial(transcript_json, await read(), self.storages), headers=headers)

    async def _download_json(self, request: web.Request, owner: Owner, media: MediaFile) -> Json:
        storage = storage_named(self.storages, media.storage, media.object_key)
        link: Link = await self.links.download(request, owner, media, storage)
        return {
            "download_url": link.url,
            "url": link.url,
            "filename": file_name(media),
            "content_type": media.content_type,
            "file_size_bytes": media.size,
            "expires_in": self.links.seconds_left(link),
        }
