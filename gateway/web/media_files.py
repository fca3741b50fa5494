"""Finds what a path names; a 404 says which part of it is unknown."""

from aiohttp import web

from gateway.catalog import MediaFile, Owner, RecordingCatalog, Transcript
from gateway.errors import NotFound
from gateway.web.parameters import path_id

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
    known = media is not None or await catalog.find_recording(owner, ids[0]) is not None
    raise NotFound("Media file not found" if known else "Recording not found")


async def transcript_of(catalog: RecordingCatalog, owner: Owner, recording_id: int) -> Transcript:
    """The transcript of the owner's recording; raises NotFound."""
    transcript = await catalog.find_transcript_of(owner, recording_id)
    if transcript is None:
        known = await catalog.find_recording(owner, recording_id)
        raise NotFound("Transcript not found" if known else "Recording not found")
    return transcript


async def uploaded_media(request: web.Request, catalog: RecordingCatalog, owner: Owner) -> MediaFile:
    """The owner's uploaded file that the path names; raises NotFound or Invalid."""
    return await find_uploaded(catalog, owner, path_ids(request))
