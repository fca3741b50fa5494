"""Finds the media file or transcript that a path names. A 404 says which part of the path is unknown."""

from collections.abc import Mapping

from aiohttp import web

from gateway.catalog import MediaFile, Owner, RecordingCatalog, Transcript
from gateway.errors import NotFound
from gateway.media.waveforms import Waveforms
from gateway.storage import Storage, storage_named
from gateway.web.parameters import path_id
from gateway.web.responses import json_response

# The path's two ids: the recording's, and the media file's.
Ids = tuple[int, int]


def path_ids(request: web.Request) -> Ids:
    """The ids under `recording_id` and `media_file_id`; raises Invalid."""
    return path_id(request, "recording_id"), path_id(request, "media_file_id")


async def find_uploaded(catalog: RecordingCatalog, owner: Owner, ids: Ids) -> MediaFile:
    """The owner's uploaded file with these ids; raises NotFound."""
    media = await catalog.find_media_file(owner, *ids)
    if media is not None and media.status == "uploaded":
        return media
    raise await not_found("Media file", catalog, owner, ids[0])


async def transcript_of(catalog: RecordingCatalog, owner: Owner, recording_id: int) -> Transcript:
    """The transcript of the owner's recording; raises NotFound."""
    transcript = await catalog.find_transcript_of(owner, recording_id)
    if transcript is None:
        raise await not_found("Transcript", catalog, owner, recording_id)
    return transcript


async def transcript_version_of(catalog: RecordingCatalog, owner: Owner, recording_id: int) -> str:
    """The version of the transcript of the owner's recording; raises NotFound."""
    version = await catalog.find_transcript_version_of(owner, recording_id)
    if version is None:
        raise await not_found("Transcript", catalog, owner, recording_id)
    return version


async def not_found(what: str, catalog: RecordingCatalog, owner: Owner, recording_id: int) -> NotFound:
    """The refusal if the recording lacks `what`, or if there is no such recording."""
    known = await catalog.find_recording(owner, recording_id)
    return NotFound(f"{what if known else 'Recording'} not found")


async def waveform_response(
    waveforms: Waveforms, storages: Mapping[str, Storage], media: MediaFile, owner: Owner
) -> web.Response:
    """The bins of the file's waveform that are computed so far. Raises NotFound, Unavailable or StorageError."""
    storage = storage_named(storages, media.storage, media.object_key)
    found = await waveforms.find(storage, media.object_key, owner.user_id)
    if found.fault:
        raise NotFound(found.fault)
    return json_response(
        {"bins": list(found.bins), "seconds_covered": found.seconds_covered, "complete": found.complete}
    )


async def uploaded_media(request: web.Request, catalog: RecordingCatalog, owner: Owner) -> MediaFile:
    """The owner's uploaded file that the path names; raises NotFound or Invalid."""
    return await find_uploaded(catalog, owner, path_ids(request))
