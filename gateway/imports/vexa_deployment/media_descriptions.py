"""Describes media files without reading them: from Vexa's database, or from what an earlier run recorded."""

from collections.abc import Mapping
from typing import Final

from gateway.catalog import MediaFile, MediaType, NewMedia
from gateway.imports.vexa_deployment.parsed_recordings import VexaMedia
from storage_adapters.base import ObjectStat

_TYPES: Final[Mapping[str, MediaType]] = {"video": "video", "screenshot": "image", "image": "image"}
_CONTENT_TYPES: Final[Mapping[tuple[MediaType, str], str]] = {
    ("audio", "wav"): "audio/wav",
    ("audio", "webm"): "audio/webm",
    ("audio", "opus"): "audio/ogg",
    ("audio", "ogg"): "audio/ogg",
    ("audio", "mp3"): "audio/mpeg",
    ("video", "webm"): "video/webm",
    ("video", "mp4"): "video/mp4",
    ("image", "jpg"): "image/jpeg",
    ("image", "png"): "image/png",
}
NO_ETAG: Final = "missing"


def declared_media(entry: VexaMedia, storage: str, key: str, stat: ObjectStat) -> NewMedia:
    """The file as Vexa's database describes it, with the size and version in `stat`."""
    media_type = _TYPES.get(entry.type, "audio")
    return NewMedia(
        type=media_type,
        format=entry.format,
        content_type=_CONTENT_TYPES.get((media_type, entry.format), "application/octet-stream"),
        storage=storage,
        object_key=key,
        size=stat.size,
        etag=stat.etag,
        object_modified_at=stat.last_modified,
        duration_seconds=entry.duration_seconds,
    )


def recorded_media(here: MediaFile) -> NewMedia:
    """The media file as the catalogue describes it now."""
    return NewMedia(
        type=here.type,
        format=here.format,
        content_type=here.content_type,
        storage=here.storage,
        object_key=here.object_key,
        size=here.size or 0,
        etag=here.etag or NO_ETAG,
        object_modified_at=here.object_modified_at or here.created_at,
        duration_seconds=here.duration_seconds,
        metadata=here.metadata,
    )
