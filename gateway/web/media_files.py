"""The media file that a path names.

Knows: which of the two ids a 404 is about. Refuses to know: what is done with the file.
"""

from aiohttp import web

from gateway.catalog import MediaFile, Owner, RecordingCatalog
from gateway.errors import NotFound
from gateway.web.parameters import path_id


async def uploaded_media(request: web.Request, catalog: RecordingCatalog, owner: Owner) -> MediaFile:
    """The owner's file under `recording_id` and `media_file_id`, whole in storage; raises NotFound or Invalid."""
    recording_id, media_file_id = path_id(request, "recording_id"), path_id(request, "media_file_id")
    media = await catalog.find_media_file(owner, recording_id, media_file_id)
    if media is not None and media.status == "uploaded":
        return media
    known = media is not None or await catalog.find_recording(owner, recording_id) is not None
    raise NotFound("Media file not found" if known else "Recording not found")
