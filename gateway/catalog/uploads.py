"""The protocols of uploads in progress: a client's promises, the limits, the writers, and the verified objects.

A pending media file has one writer at a time, whose lease expires if its process dies. Arriving bytes that no media
file counts yet are reserved; a reservation expires in the same way.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from gateway.catalog.client_recordings import IdempotencyKey
from gateway.catalog.owners import Owner
from gateway.catalog.recordings import MediaFile, MediaType, NewMedia

# The prefix of the keys of all uploaded objects.
UPLOADS_PREFIX: Final = "uploads/"
# The format and content type of a media file that was not read yet.
UNKNOWN_FORMAT: Final = "bin"
UNKNOWN_CONTENT_TYPE: Final = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class NewUpload:
    """A media file that a client will upload to `storage`.

    `content_type` and `size` (bytes) are promises of the client; None means that it made none. `upload_expires_at` is
    when a presigned URL expires: until then the object may appear at any moment, and its deletion waits.
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
    """Pending media files. They are never read, and their size is only a promise."""

    async def add_upload(
        self,
        owner: Owner,
        recording_id: int,
        upload: NewUpload,
        limits: UploadLimits,
        key: IdempotencyKey | None = None,
    ) -> MediaFile | None:
        """Add a pending media file; its object's key consists of ids only. None if there is no such recording.

        With an idempotency key, a repetition of the request within 24 hours returns the same file, whose deletion then
        waits for the later `upload_expires_at`. Raises Invalid if a limit is reached, Conflict if the key was used for
        another request or its file is no longer pending.
        """

    async def complete_uploads(
        self, owner: Owner, recording_id: int, found: Sequence[VerifiedUpload], limits: UploadLimits
    ) -> bool:
        """In one transaction, mark the files as uploaded, and their recording if it is pending.

        If one of the files is no longer pending, was published again meanwhile or is being published, nothing is done
        and False is returned. Raises Invalid if the account would hold too much.
        """

    async def remove_upload(self, owner: Owner, recording_id: int, media_file_id: int) -> bool:
        """Remove a pending media file and queue its object for deletion; False if there is no such file."""

    async def remove_abandoned_uploads(self, *, older_than_seconds: float, limit: int) -> int:
        """Remove pending media files that are older, queue their objects for deletion, and return how many there were.

        A file that is being published now is not removed.
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
        """The new writer's number; None while another writer's lease lasts. Raises NotFound if the file was deleted."""

    async def extend_writing(self, media_file_id: int, writer: int, *, lease_seconds: float) -> bool:
        """Extend the lease; False if it was lost."""

    async def end_writing(self, media_file_id: int, writer: int) -> None:
        """Release the lease."""

    async def begin_publishing(
        self, owner: Owner, media: MediaFile, writer: int, *, lease_seconds: float
    ) -> Publication:
        """Block completion of the pending file while its writer publishes the object, and extend the lease.

        A deletion is not blocked, but the object is deleted after the publication. Raises NotFound if the file was
        deleted, Conflict if it is completed, Busy if the lease was lost: then the object must not be published.
        """

    async def record_publication(
        self, media: MediaFile, publication: Publication, *, etag: str, object_modified_at: datetime
    ) -> None:
        """Record which version of the object was published.

        Raises NotFound if the file was deleted meanwhile (its object's deletion is due now), Conflict if it was completed.
        """

    async def record_stored(self, owner: Owner, media_file_id: int, size: int, limits: UploadLimits) -> None:
        """Count `size` stored bytes of the pending file. Raises Invalid if the account would hold too much."""

    async def drop_upload(self, media_file_id: int) -> bool:
        """Remove a pending file that has no published object and no writer; False if it has one."""


@dataclass(frozen=True, slots=True)
class Reservation:
    """The bytes that one upload may store; `id` is None as long as nothing was reserved."""

    id: int | None = None
    granted: int = 0


class UploadReservations(Protocol):
    """The reservations of accounts that have a limit. They count towards it until they end."""

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
        """Reserve at least `needed` bytes, and up to `wanted` if there is room, in place of the upload's `reservation`.

        Bytes that the pending media file `replaces` already counts are used first. Raises Invalid if the account would
        hold too much.
        """

    async def extend_reservation(self, reservation: Reservation, *, lease_seconds: float) -> None:
        """Extend the reservation."""

    async def release(self, reservation: Reservation) -> None:
        """End the reservation."""
