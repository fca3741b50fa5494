"""Who writes a pending media file at this moment, and how its object appears.

A file has one writer at a time. Its lease expires if the writer dies.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gateway.catalog.owners import Owner
from gateway.catalog.recordings import MediaFile
from gateway.catalog.uploads import UploadLimits


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
