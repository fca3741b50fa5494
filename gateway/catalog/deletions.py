"""The protocol of the durable queue of objects to delete: objects that no row refers to any more."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ObjectDeletion:
    """An object that no row refers to any more. `attempts` counts this claim."""

    id: int
    storage: str
    object_key: str
    attempts: int


class DeletionQueue(Protocol):
    """The durable queue of objects to delete."""

    async def claim_deletions(self, *, limit: int, lease_seconds: float) -> Sequence[ObjectDeletion]:
        """Due entries, oldest first. Other workers cannot claim them during the lease.

        An entry whose object a media file refers to again is dropped, not returned.
        """

    async def finish_deletion(self, deletion_id: int) -> None: ...

    async def postpone_deletion(self, deletion_id: int, *, seconds: float, error: str) -> None: ...

    async def count_deletions(self) -> int: ...
