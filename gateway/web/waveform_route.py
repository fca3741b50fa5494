"""The waveform of a media file, for a player to draw."""

from collections.abc import Mapping
from dataclasses import dataclass

from aiohttp import web

from gateway.catalog import RecordingCatalog, Scope
from gateway.errors import NotFound
from gateway.media.waveforms import Waveforms
from gateway.storage import Storage, storage_named
from gateway.web.access.authentication import Authenticator
from gateway.web.media_files import uploaded_media
from gateway.web.responses import json_response


@dataclass(frozen=True, slots=True)
class WaveformRoute:
    """`/recordings/{recording_id}/media/{media_file_id}/waveform`."""

    authenticator: Authenticator
    catalog: RecordingCatalog
    storages: Mapping[str, Storage]
    waveforms: Waveforms

    async def waveform(self, request: web.Request) -> web.Response:
        """`GET`: the bins computed so far. The client requests them again until they are complete."""
        owner = await self.authenticator.authenticate(request, Scope.RECORDINGS_READ)
        media = await uploaded_media(request, self.catalog, owner)
        storage = storage_named(self.storages, media.storage, media.object_key)
        waveform = await self.waveforms.find(storage, media.object_key, owner.user_id)
        if waveform.fault:
            raise NotFound(waveform.fault)
        return json_response(
            {
                "bins": list(waveform.bins),
                "seconds_covered": waveform.seconds_covered,
                "complete": waveform.complete,
            }
        )
