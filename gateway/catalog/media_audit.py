"""The protocol of `seekgate verify`: it lists the media files of all owners and corrects their rows."""

from collections.abc import Sequence
from typing import Protocol

from gateway.catalog.recordings import MediaFile, NewMedia


class MediaAudit(Protocol):
    """All uploaded media files, of every owner."""

    async def list_media(self, after_id: int, *, limit: int, every: bool) -> Sequence[MediaFile]:
        """The next files by id; without `every` only those that are missing or whose duration is unknown."""

    async def count_media(self, *, every: bool) -> int:
        """How many files `list_media` lists in total."""

    async def correct_media(self, media: MediaFile, facts: NewMedia) -> bool:
        """Replace the facts of the media file; False if its object changed or it was deleted meanwhile."""
