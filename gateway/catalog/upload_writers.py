"""Who writes a pending media file at this moment, and how many bytes of it are stored.

A file has one writer at a time. Its lease ends by itself if the writer dies.
"""

from typing import Protocol

from gateway.catalog.owners import Owner
from gateway.catalog.uploads import UploadLimits


class UploadWriters(Protocol):
    """The leases of writers, and the bytes that arrived."""

    async def begin_writing(self, media_file_id: int, *, lease_seconds: float) -> int | None:
        """The number of the new writer; None while another one's lease lasts. Raises NotFound if the file was deleted."""
        ...

    async def keep_writing(self, media_file_id: int, writer: int, *, lease_seconds: float) -> bool:
        """Extend the lease; False if it was lost."""
        ...

    async def end_writing(self, media_file_id: int, writer: int) -> None:
        """Give the lease back."""
        ...

    async def record_stored(self, owner: Owner, media_file_id: int, size: int, limits: UploadLimits) -> None:
        """Count `size` stored bytes of the pending file. Raises Invalid if the account would hold too much."""
        ...

    async def drop_upload(self, media_file_id: int) -> bool:
        """Remove a pending file that nothing was published of and that nobody writes; False if it is otherwise."""
        ...
