"""The media file that a path names.

Knows: which of the two ids a 404 is about. Refuses to know: what is done with the file.
"""

from aiohttp import web

from gateway.catalog import MediaFile, Owner, RecordingCatalog
from gateway.errors import NotFound
from gateway.web.parameters import path_id

# The path's two ids: the recording's, and the media file's.
Ids = tuple[int, int]


def path_ids(request: web.Request) -> Ids:
    """The ids under `recording_id` and `media_file_id`; raises Invalid."""
    return path_id(request, "recording_id"), path_id(request, "media_file_id")


async def find_uploaded(catalog: RecordingCatalog, owner: Owner, ids: Ids) -> MediaFile:
    """The owner's file with these ids, whole in storage; raises NotFound."""
    media = await catalog.find_media_file(owner, *ids)
    if media is not None and media.status == "uploaded":
        return media
    known = media is not None or await catalog.find_recording(owner, ids[0]) is not None
    raise NotFound("Media file not found" if known else "Recording not found")


async def uploaded_media(request: web.Request, catalog: RecordingCatalog, owner: Owner) -> MediaFile:
    """The owner's file that the path names, whole in storage; raises NotFound or Invalid."""
    return await find_uploaded(catalog, owner, path_ids(request))
