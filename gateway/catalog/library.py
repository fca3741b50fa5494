"""The recordings of an owner, looked up, registered and deleted.

Knows: what is asked of a catalogue by every dialect and the command line. Refuses to know: what answers.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from gateway.catalog.meetings import NewMeeting, Transcript
from gateway.catalog.owners import Owner
from gateway.catalog.recordings import MediaFile, MediaType, NewMedia, Recording


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

    async def find_transcript(
        self, owner: Owner, platform: str, native_meeting_id: str, meeting_id: int | None = None
    ) -> Transcript | None:
        """The newest meeting with this platform and native id, or of those the one with `meeting_id`."""
        ...

    async def find_transcript_of(self, owner: Owner, recording_id: int) -> Transcript | None:
        """The meeting that the recording is of; None also where it is of none."""
        ...

    async def register(
        self,
        owner: Owner,
        media: NewMedia,
        *,
        name: str | None = None,
        meeting: NewMeeting | None = None,
        recording_id: int | None = None,
    ) -> tuple[MediaFile, bool]:
        """Add a completed recording of one media file, or add the file to a recording; (file, True) if it is new.

        The same object again returns the file that is there already and False. An object that waits
        in the deletion queue is taken out of it. Raises Conflict if another owner has the object,
        or the recording was deleted.
        """
        ...

    async def record_object_version(
        self, media: MediaFile, *, size: int, etag: str, object_modified_at: datetime
    ) -> None:
        """Remember what the storage now says of the object; it is not missing any more."""
        ...

    async def record_missing(self, media: MediaFile) -> None:
        """Remember that the storage has no such object; the first time counts."""
        ...

    async def delete_recording(self, owner: Owner, recording_id: int) -> bool:
        """Remove the rows and queue the objects, in one transaction; False if there was none."""
        ...
