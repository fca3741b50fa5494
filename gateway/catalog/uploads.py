"""Uploads on their way in: what a client promises, the limits, who writes, and what was found in storage.

A pending file has one writer at a time, whose lease expires if the writer dies. Bytes of an account that are arriving, and
that no media file counts yet, are reserved; a reservation expires if its holder dies, too.
"""

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


@dataclass(frozen=True, slots=True)
class Publication:
    """A pending file whose object may appear at any moment.

    If the file is deleted meanwhile, the object is not deleted before `until`; without this publication, not before
    `before` (None: immediately).
    """

    until: datetime
    before: datetime | None


class UploadWriters(Protocol):
    """The leases of writers, and the bytes that arrived."""

    async def begin_writing(self, media_file_id: int, *, lease_seconds: float) -> int | None:
        """The number of the new writer; None while another one's lease lasts. Raises NotFound if the file was deleted."""

    async def keep_writing(self, media_file_id: int, writer: int, *, lease_seconds: float) -> bool:
        """Extend the lease; False if it was lost."""

    async def end_writing(self, media_file_id: int, writer: int) -> None:
        """Give the lease back."""

    async def begin_publishing(
        self, owner: Owner, media: MediaFile, writer: int, *, lease_seconds: float
    ) -> Publication:
        """Keep completion away from the pending file while its writer's object appears, and extend the lease.

        A deletion is not kept away, but its object goes after the publication. Raises NotFound if the file was deleted,
        Conflict if it is completed, Busy if the lease was lost: then the object must not appear.
        """

    async def record_publication(
        self, media: MediaFile, publication: Publication, *, etag: str, object_modified_at: datetime
    ) -> None:
        """Record which version of the object appeared.

        Raises NotFound if the file was deleted meanwhile (its object's deletion is due now), Conflict if it was completed.
        """

    async def record_stored(self, owner: Owner, media_file_id: int, size: int, limits: UploadLimits) -> None:
        """Count `size` stored bytes of the pending file. Raises Invalid if the account would hold too much."""

    async def drop_upload(self, media_file_id: int) -> bool:
        """Remove a pending file that nothing was published of and that nobody writes; False if it is otherwise."""


@dataclass(frozen=True, slots=True)
class Reservation:
    """What one upload may bring: `granted` bytes. `id` is None as long as nothing was reserved."""

    id: int | None = None
    granted: int = 0


class UploadReservations(Protocol):
    """The reservations of accounts that have a limit; they count for it until they end."""

    async def reserve(
        self,
        owner: Owner,
        reservation: Reservation,
        limits: UploadLimits,
        *,
        needed: int,
        wanted: int,
        replaces: int | None,
        lease_seconds: float,
    ) -> Reservation:
        """Let `needed` bytes arrive, and up to `wanted` where there is room, instead of the same upload's `reservation`.

        What the pending media file `replaces` counts already is used first. Raises Invalid if the account would hold too
        much.
        """

    async def keep_reservation(self, reservation: Reservation, *, lease_seconds: float) -> None:
        """Extend the reservation."""

    async def release(self, reservation: Reservation) -> None:
        """Count the reservation no longer."""
