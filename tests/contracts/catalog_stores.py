"""What the catalogue contracts share: the stores under test, owners, and objects to register."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from gateway.catalog import ApiKeys, DeletionQueue, NewMedia, Owner, Recording, RecordingCatalog, SigningSecrets

MODIFIED: Final = datetime(2026, 2, 3, 4, 5, 6, 789000, tzinfo=UTC)

# No database column can hold these; a look-up of one finds nothing.
UNSTORABLE_IDS: Final = (2**63, -(2**63) - 1, 10**400)
ABSENT_IDS: Final = (0, -1, 1, 2**63 - 1, *UNSTORABLE_IDS)


@dataclass(frozen=True, slots=True)
class Stores:
    """A catalogue, queue, keys and secrets over the same data."""

    catalog: RecordingCatalog
    queue: DeletionQueue
    api_keys: ApiKeys
    secrets: SigningSecrets

    async def owner(self, email: str = "owner@example.org", *, live: bool = True) -> Owner:
        return Owner(await self.api_keys.ensure_user(email), live)

    async def strangers(self) -> Sequence[Owner]:
        """Owners other than `owner()`: another user, and the same user's test data."""
        return await self.owner("other@example.org"), await self.owner(live=False)

    async def added(self, owner: Owner, object_key: str = "a.mp3", **changes: Any) -> Recording:
        """Register a new object and return its recording."""
        media = changes.pop("media", None) or new_media(object_key)
        file, is_new = await self.catalog.register(owner, media, **changes)
        assert is_new
        recording = await self.catalog.find_recording(owner, file.recording_id)
        assert recording is not None
        return recording


def new_media(object_key: str = "a.mp3", **changes: Any) -> NewMedia:
    media = NewMedia(
        type="audio",
        format="mp3",
        content_type="audio/mpeg",
        storage="local",
        object_key=object_key,
        size=2**40 + 1,
        etag="17f-abc",
        object_modified_at=MODIFIED,
        duration_seconds=1234.567,
        metadata={"sample_rate": 48000, "title": "Ünï ☃"},
    )
    return replace(media, **changes)
