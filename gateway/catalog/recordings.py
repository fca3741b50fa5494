"""Recordings and their media files.

The name of a storage backend and the key of an object are opaque strings here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

from gateway.catalog.owners import Owner
from gateway.catalog.validity import NOT_CACHED, Validity

MediaType = Literal["audio", "video", "image"]
MediaStatus = Literal["pending", "uploaded"]
RecordingSource = Literal["bot", "upload", "url"]
RecordingStatus = Literal["pending", "uploaded", "processing", "completed", "failed"]


@dataclass(frozen=True, slots=True)
class MediaFile:
    """One object of a recording. The storage backend last reported `etag` and `object_modified_at` for it, and first
    reported at `missing_at` that there is no such object.

    `status` is pending until the object is complete in the storage backend; a pending file cannot be read.
    """

    id: int
    recording_id: int
    type: MediaType
    format: str
    content_type: str
    storage: str
    object_key: str
    status: MediaStatus
    size: int | None
    etag: str | None
    object_modified_at: datetime | None
    duration_seconds: float | None
    metadata: Mapping[str, Any] | None
    captured_at: datetime | None
    created_at: datetime
    missing_at: datetime | None = None
    validity: Validity = field(default=NOT_CACHED, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class MeetingName:
    """What a platform like `google_meet` calls a meeting."""

    platform: str
    native_meeting_id: str


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording with its media files, oldest first. Only look-ups that say so fill in `meeting`.

    `metadata` is the text of a JSON object, exactly as the client sent it, so that numbers keep their size and form.
    """

    id: int
    owner: Owner
    meeting_id: int | None
    session_uid: str | None
    source: RecordingSource
    status: RecordingStatus
    error_message: str | None
    name: str | None
    device_id: str | None
    end_user_id: str | None
    transcription_id: str | None
    metadata: str | None
    started_at: datetime | None
    ended_at: datetime | None
    created_at: datetime
    completed_at: datetime | None
    media_files: tuple[MediaFile, ...] = ()
    meeting: MeetingName | None = field(default=None, compare=False)


UNFINISHED_SESSION: Final = "unfinished_session"


@dataclass(frozen=True, slots=True)
class NewMedia:
    """A complete and measured object that is to be registered in the catalogue.

    `session` is the name of the imported session whose file this is. The file replaces an earlier one that was imported
    while the session was unfinished: that one has the same name in its metadata, under UNFINISHED_SESSION.
    """

    type: MediaType
    format: str
    content_type: str
    storage: str
    object_key: str
    size: int
    etag: str
    object_modified_at: datetime
    duration_seconds: float | None = None
    metadata: Mapping[str, Any] | None = None
    session: str | None = None
