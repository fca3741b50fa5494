"""Uploads on their way in: what a client promises, the limits, and what was found in storage."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from gateway.catalog.client_recordings import IdempotencyKey
from gateway.catalog.owners import Owner
from gateway.catalog.recordings import MediaFile, MediaType, NewMedia, RecordingStatus

# How the key of every object begins that was uploaded.
UPLOADS_PREFIX: Final = "uploads/"
# What a media file is called until it is known what it is.
UNKNOWN_FORMAT: Final = "bin"
UNKNOWN_CONTENT_TYPE: Final = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class NewUpload:
    """A media file that a client will upload to `storage`.

    `content_type` and `size` (bytes) are what it promises, None for nothing. `upload_expires_at` is when a URL of
    the storage's own ends: until then the object can appear at any moment, and its deletion waits.
    """

    type: MediaType
    storage: str
    content_type: str | None = None
    size: int | None = None
    captured_at: datetime | None = None
    upload_expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """What one recording and one account may hold, pending uploads included. None means unlimited."""

    max_media_per_recording: int
    max_total_bytes_per_account: int | None


@dataclass(frozen=True, slots=True)
class VerifiedUpload:
    """The object that was found under a pending media file's key.

    `expected_etag` is the etag that the file had in the catalogue when its object was read.
    """

    media_file_id: int
    expected_etag: str | None
    found: NewMedia


class UploadCatalog(Protocol):
    """The media files that are on their way in. A pending one is never read, and its size is only a promise."""

    async def add_upload(
        self,
        owner: Owner,
        recording_id: int,
        upload: NewUpload,
        limits: UploadLimits,
        key: IdempotencyKey | None = None,
    ) -> MediaFile | None:
        """Add a pending media file; its object's key is made of ids alone. None if there is no such recording.

        With a key, the same request again within 24 hours returns the first one's file; its deletion then waits for
        `upload_expires_at` of this request too. Raises Invalid if a limit is reached, Conflict if the key was used
        for another request or its file is pending no longer.
        """

    async def complete_uploads(
        self,
        owner: Owner,
        recording_id: int,
        found: Sequence[VerifiedUpload],
        limits: UploadLimits,
        status: RecordingStatus = "uploaded",
    ) -> bool:
        """Make them uploaded, and a pending recording what `status` says: all in one transaction.

        False, and nothing done, if one of them is no longer pending, was published again meanwhile, or is being published.
        Raises Invalid if the account would hold too much.
        """

    async def remove_upload(self, owner: Owner, recording_id: int, media_file_id: int) -> bool:
        """Remove a pending media file and queue its object; False if there is none."""

    async def remove_abandoned_uploads(self, *, older_than_seconds: float, limit: int) -> int:
        """Remove pending media files that were added longer ago, and queue their objects; how many there were.

        One that is being published at this moment stays.
        """
