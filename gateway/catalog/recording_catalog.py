"""The protocol of the catalogue: look up, register and delete an owner's recordings.

Every dialect and the command line use it.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from gateway.catalog.meetings import NewMeeting, Transcript
from gateway.catalog.owners import Owner
from gateway.catalog.recordings import MediaFile, MediaType, NewMedia, Recording


class RecordingCatalog(Protocol):
    """Recordings, media files and transcripts of an owner."""

    async def list_recordings(
        self, owner: Owner, *, limit: int, offset: int, meeting_id: int | None = None
    ) -> Sequence[Recording]:
        """A page, newest first by (created_at, id). A row that cannot be read is left out and logged."""

    async def find_recording(self, owner: Owner, recording_id: int) -> Recording | None: ...

    async def find_media_file(self, owner: Owner, recording_id: int, media_file_id: int) -> MediaFile | None:
        """The only look-up of the byte path: two rows by primary key."""

    async def find_owner(self, recording_id: int, media_file_id: int) -> Owner | None:
        """The owner of this media file. Not owner-scoped: for the `sign-url` command, never for a request."""

    async def find_master(self, owner: Owner, recording_id: int, media_type: MediaType) -> MediaFile | None:
        """The newest uploaded file of that type."""

    async def find_transcript(
        self, owner: Owner, platform: str, native_meeting_id: str, meeting_id: int | None = None
    ) -> Transcript | None:
        """The newest meeting with this platform and native id, or of those the one with `meeting_id`."""

    async def find_transcript_of(self, owner: Owner, recording_id: int) -> Transcript | None:
        """The transcript of the recording's meeting; None also if the recording has no meeting."""

    async def find_transcript_version(
        self, owner: Owner, platform: str, native_meeting_id: str, meeting_id: int | None = None
    ) -> str | None:
        """A short text that changes with anything that `find_transcript` returns; None where that returns None."""

    async def find_transcript_version_of(self, owner: Owner, recording_id: int) -> str | None:
        """The same of `find_transcript_of`."""

    async def register(
        self,
        owner: Owner,
        media: NewMedia,
        *,
        name: str | None = None,
        meeting: NewMeeting | None = None,
        recording_id: int | None = None,
    ) -> tuple[MediaFile, bool]:
        """Add a completed recording with one media file, or add the file to `recording_id`; returns (file, True).

        If the object is registered already, the existing file and False are returned. An object in the deletion queue
        is removed from the queue. Raises Conflict if another owner has the object, or if the recording was deleted.
        """

    async def record_object_version(
        self, media: MediaFile, *, size: int, etag: str, object_modified_at: datetime
    ) -> None:
        """Store the size, ETag and modification time that the storage backend now reports, and clear `missing_at`."""

    async def record_missing(self, media: MediaFile) -> None:
        """Set `missing_at` if it is not set: the storage backend has no such object."""

    async def delete_recording(self, owner: Owner, recording_id: int) -> bool:
        """Delete the rows and queue the objects, in one transaction; False if there is no such recording."""
