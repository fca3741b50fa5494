"""The domain: who owns which recordings, and the protocols that look them up.

Knows: users, keys, meetings, recordings, media files, and the queue of objects to delete.
Refuses to know: SQL, HTTP, and where bytes lie (a storage's name and an object's key are opaque).

Every method is owner-scoped: what another owner has does not exist. A look-up named `find_`
returns None for what does not exist. Timestamps are aware and in UTC; sizes are bytes.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Literal, Protocol

MediaType = Literal["audio", "video", "image"]
MediaStatus = Literal["pending", "uploaded"]
RecordingSource = Literal["bot", "upload", "url"]
RecordingStatus = Literal["pending", "uploaded", "processing", "completed", "failed"]


class Scope(StrEnum):
    """What a key may do."""

    RECORDINGS_READ = "recordings:read"
    RECORDINGS_WRITE = "recordings:write"
    TRANSCRIPTIONS_READ = "transcriptions:read"


ALL_SCOPES: frozenset[Scope] = frozenset(Scope)


@dataclass(frozen=True, slots=True)
class Owner:
    """A user's live data, or the same user's test data: two worlds that never see each other."""

    user_id: int
    live: bool = True


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is asking. `name` is what the log shows: a key's visible prefix, or the signing key's id."""

    owner: Owner
    scopes: frozenset[Scope]
    name: str


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as stored: never the key itself. `prefix` is its visible beginning (12 characters)."""

    id: int
    prefix: str
    owner: Owner
    email: str
    scopes: frozenset[Scope]
    created_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class MediaFile:
    """One object of a recording. `etag` and `object_modified_at` are what the storage last said of it,
    `missing_at` when it first said that there is no such object.

    `status` is pending until the object is whole in storage; only then may it be read.
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


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording with its media files, oldest first.

    `metadata` is the text of a JSON object, exactly as its client gave it: numbers of any size and form survive.
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


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of speech; `start_seconds` and `end_seconds` count from the meeting's start."""

    start_seconds: float
    end_seconds: float
    text: str
    speaker: str | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Meeting:
    """A meeting on a platform, as the meeting-bot world knows it."""

    id: int
    owner: Owner
    platform: str
    native_meeting_id: str
    status: str
    started_at: datetime | None
    ended_at: datetime | None
    created_at: datetime
    metadata: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Transcript:
    """A meeting with what was said in it and what was recorded of it (newest recording first)."""

    meeting: Meeting
    segments: tuple[Segment, ...]
    recordings: tuple[Recording, ...]


@dataclass(frozen=True, slots=True)
class NewMedia:
    """An object that exists whole in storage, measured, not yet in the catalogue."""

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


@dataclass(frozen=True, slots=True)
class NewMeeting:
    """Which meeting an import belongs to; found by platform and native id, made if absent."""

    platform: str
    native_meeting_id: str
    segments: Sequence[Segment] = field(default=())


@dataclass(frozen=True, slots=True)
class NewRecording:
    """A recording that has no media yet, in its client's words; `metadata` is the text of a JSON object."""

    name: str | None = None
    device_id: str | None = None
    end_user_id: str | None = None
    metadata: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class IdempotencyKey:
    """A client's name for one request, so that it may be repeated; the digest (SHA-256) is of the request."""

    text: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a list that is ordered by (created_at, id)."""

    created_at: datetime
    id: int


@dataclass(frozen=True, slots=True)
class RecordingFilter:
    """Which recordings are meant, None being any. Of the moments, neither is meant itself.

    `older_than` is where the page before ended.
    """

    device_id: str | None = None
    end_user_id: str | None = None
    status: RecordingStatus | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    older_than: Position | None = None


@dataclass(frozen=True, slots=True)
class RecordingPage:
    """A page of a list, newest first; `end` is where it ends, None if nothing follows."""

    recordings: Sequence[Recording]
    end: Position | None


@dataclass(frozen=True, slots=True)
class ObjectDeletion:
    """An object that no row refers to any more. `attempts` counts this claim."""

    id: int
    storage: str
    object_key: str
    attempts: int


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
    """What one recording and one account may hold, uploads that are promised included; None is no limit."""

    max_media_per_recording: int
    max_total_bytes_per_account: int | None


@dataclass(frozen=True, slots=True)
class VerifiedUpload:
    """What was found in storage under a pending media file's key.

    `expected_etag` is the etag that the file had in the catalogue when the look was taken.
    """

    media_file_id: int
    expected_etag: str | None
    format: str
    content_type: str
    size: int
    etag: str
    object_modified_at: datetime
    duration_seconds: float | None = None
    metadata: Mapping[str, Any] | None = None


class RecordingCatalog(Protocol):
    """The recordings."""

    async def list_recordings(
        self, owner: Owner, *, limit: int, offset: int, meeting_id: int | None = None
    ) -> Sequence[Recording]:
        """A page, newest first by (created_at, id). A row that cannot be read is left out and logged."""
        ...

    async def find_recording(self, owner: Owner, recording_id: int) -> Recording | None: ...

    async def find_media_file(self, owner: Owner, recording_id: int, media_file_id: int) -> MediaFile | None:
        """The byte path's one look-up: a single index scan."""
        ...

    async def find_owner(self, recording_id: int, media_file_id: int) -> Owner | None:
        """Who has this media file. Not owner-scoped: for the command line's sign-url, never for a request."""
        ...

    async def find_master(self, owner: Owner, recording_id: int, media_type: MediaType) -> MediaFile | None:
        """The newest uploaded file of that type."""
        ...

    async def find_transcript(self, owner: Owner, platform: str, native_meeting_id: str) -> Transcript | None:
        """The newest meeting of that key."""
        ...

    async def register(
        self, owner: Owner, media: NewMedia, *, name: str | None = None, meeting: NewMeeting | None = None
    ) -> tuple[MediaFile, bool]:
        """Add a completed recording of one media file; (file, True) if it is new.

        The same object again returns the file that is there already and False. An object that waits
        in the deletion queue is taken out of it. Raises Conflict if another owner has the object.
        """
        ...

    async def record_object_version(
        self, media_file_id: int, *, size: int, etag: str, object_modified_at: datetime
    ) -> None:
        """Remember what the storage now says of the object; it is not missing any more."""
        ...

    async def record_missing(self, media_file_id: int) -> None:
        """Remember that the storage has no such object; the first time counts."""
        ...

    async def delete_recording(self, owner: Owner, recording_id: int) -> bool:
        """Remove the rows and queue the objects, in one transaction; False if there was none."""
        ...


class Publication(Protocol):
    """A pending media file, held: nobody completes or deletes it meanwhile."""

    async def record(self, *, etag: str, object_modified_at: datetime) -> None:
        """Remember which version of the object was published."""
        ...


class UploadCatalog(Protocol):
    """The media files that are on their way in. A pending one is never read, and its size is only a promise."""

    async def add_upload(
        self, owner: Owner, recording_id: int, upload: NewUpload, limits: UploadLimits
    ) -> MediaFile | None:
        """Add a pending media file; its object's key is made of ids alone. None if there is no such recording.

        Raises Invalid if a limit is reached.
        """
        ...

    def publishing(
        self, owner: Owner, recording_id: int, media_file_id: int
    ) -> AbstractAsyncContextManager[Publication]:
        """Hold the pending media file while its object appears.

        Raises NotFound if it is gone, Conflict if it is completed: then the object must not appear.
        """
        ...

    async def complete_uploads(
        self,
        owner: Owner,
        recording_id: int,
        found: Sequence[VerifiedUpload],
        limits: UploadLimits,
        status: RecordingStatus = "uploaded",
    ) -> bool:
        """Make them uploaded, and a pending recording what `status` says: all in one transaction.

        False, and nothing done, if one of them is no longer pending or was published again meanwhile. Raises
        Invalid if the account would hold too much.
        """
        ...

    async def remove_upload(self, owner: Owner, recording_id: int, media_file_id: int) -> bool:
        """Remove a pending media file and queue its object; False if there is none."""
        ...

    async def sweep_uploads(self, *, older_than_seconds: float, limit: int) -> int:
        """Remove pending media files that were added longer ago, and queue their objects; how many there were."""
        ...


class ClientRecordings(Protocol):
    """Recordings as API clients keep them: made empty, given media by uploads, listed by filter."""

    async def list_page(self, owner: Owner, wanted: RecordingFilter, *, limit: int, offset: int) -> RecordingPage:
        """A page, newest first by (created_at, id). A row that cannot be read is left out and logged."""
        ...

    async def create_recording(self, owner: Owner, new: NewRecording, key: IdempotencyKey | None = None) -> Recording:
        """Add a pending recording; with a key, the same request again within 24 hours returns the first answer.

        Raises Conflict if the key was used for another request, Invalid for what cannot be stored.
        """
        ...


class SessionUploads(Protocol):
    """What meeting bots send: a session's audio and video, chunk by chunk.

    A pending file's `metadata` counts what arrived: `chunks`, and their `bytes`.
    """

    async def ensure_session_upload(
        self, owner: Owner, session_uid: str, upload: NewUpload, limits: UploadLimits
    ) -> MediaFile:
        """The session's file of that type, pending or completed, made with its recording if absent.

        Raises Invalid if a limit is reached.
        """
        ...

    async def record_chunk(self, media_file_id: int, *, chunks: int, size: int) -> bool:
        """Remember that so many chunks arrived, `size` bytes in all; False if the last of them was there before."""
        ...


class DeletionQueue(Protocol):
    """The durable queue of objects to delete."""

    async def claim_deletions(self, *, limit: int, lease_seconds: float) -> Sequence[ObjectDeletion]:
        """Due entries, oldest first, each hidden from other workers for the lease.

        An entry whose object a media file refers to again is dropped, not returned.
        """
        ...

    async def finish_deletion(self, deletion_id: int) -> None: ...

    async def postpone_deletion(self, deletion_id: int, *, seconds: float, error: str) -> None: ...

    async def count_deletions(self) -> int: ...


class ApiKeys(Protocol):
    """The keys, by SHA-256 digest (32 bytes) of the key's text."""

    async def find_key(self, digest: bytes) -> ApiKey | None:
        """The key, also when it is expired or revoked: the caller decides by the clock."""
        ...

    async def create_key(
        self,
        *,
        digest: bytes,
        prefix: str,
        owner: Owner,
        scopes: frozenset[Scope],
        expires_at: datetime | None,
    ) -> ApiKey:
        """Raises Conflict if the prefix or the digest is taken."""
        ...

    async def list_keys(self) -> Sequence[ApiKey]:
        """Newest first."""
        ...

    async def revoke_key(self, prefix: str) -> ApiKey | None:
        """Revoke at once; None if no key has the prefix. Revoking again keeps the first time."""
        ...

    async def record_key_use(self, key_id: int) -> None:
        """Remember that the key was used; at most one write a minute reaches the disk."""
        ...

    async def ensure_user(self, email: str) -> int:
        """The id of the user with this address (compared without case), made if absent."""
        ...


class SigningSecrets(Protocol):
    """Where the gateway keeps the playback signing key it made for itself."""

    async def ensure_signing_key(self, kid: str, secret: bytes) -> tuple[str, bytes]:
        """The newest kept (kid, secret); the given one is kept and returned if there was none."""
        ...
