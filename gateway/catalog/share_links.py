"""Share links: permission to play one recording without an API key, until a time or until the link is ended.

A link is stored as a key that is bound to a recording. Ending it therefore reaches every process as a key's revocation
does, and also ends the playback URLs that were signed through it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from gateway.catalog.owners import Owner


@dataclass(frozen=True, slots=True)
class ShareLink:
    """A link as stored: never its token. `use_count` counts how often its page was opened."""

    id: int
    recording_id: int
    owner: Owner
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None
    start_seconds: float | None
    use_count: int
    last_used_at: datetime | None


class ShareLinks(Protocol):
    """The links, by SHA-256 digest (32 bytes) of the token in their URL."""

    async def create_link(
        self,
        owner: Owner,
        recording_id: int,
        *,
        digest: bytes,
        prefix: str,
        expires_at: datetime,
        start_seconds: float | None,
    ) -> ShareLink | None:
        """Add a link; None if the owner has no such recording."""

    async def find_link(self, digest: bytes) -> ShareLink | None:
        """The link, also when it has expired or was ended: the caller decides by the clock."""

    async def list_links(self, owner: Owner, recording_id: int | None = None) -> Sequence[ShareLink]:
        """The links that still work, of one recording or of all of the owner's, newest first."""

    async def end_link(self, owner: Owner, recording_id: int, link_id: int) -> bool:
        """End the link immediately; False if there is no such link. Ending it again changes nothing."""

    async def record_link_use(self, link_id: int) -> None:
        """Count that the link's page was opened."""
