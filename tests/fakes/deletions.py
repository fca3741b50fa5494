"""The queue of objects to delete in memory; see `tests.fakes.catalog`, which fills it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Final

from gateway.catalog import DeletionQueue, MediaFile, NewMedia, ObjectDeletion
from gateway.errors import Unavailable

_ids: Final = count(1)


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass
class _Entry:
    id: int
    storage: str
    object_key: str
    due_at: datetime
    attempts: int = 0
    leased_until: datetime | None = None
    last_error: str | None = None

    def is_leased(self) -> bool:
        return self.leased_until is not None and self.leased_until > _now()


class MemoryDeletionQueue(DeletionQueue):
    def __init__(self) -> None:
        self.entries: dict[int, _Entry] = {}

    async def claim_deletions(self, *, limit: int, lease_seconds: float) -> Sequence[ObjectDeletion]:
        due = [entry for entry in self.entries.values() if entry.due_at <= _now()][:limit]
        for entry in due:
            entry.attempts += 1
            entry.due_at = entry.leased_until = _now() + timedelta(seconds=lease_seconds)
        return [ObjectDeletion(entry.id, entry.storage, entry.object_key, entry.attempts) for entry in due]

    async def finish_deletion(self, deletion_id: int) -> None:
        self.entries.pop(deletion_id, None)

    async def postpone_deletion(self, deletion_id: int, *, seconds: float, error: str) -> None:
        if (entry := self.entries.get(deletion_id)) is not None:
            entry.due_at, entry.leased_until = _now() + timedelta(seconds=seconds), None
            entry.last_error = error

    async def count_deletions(self) -> int:
        return len(self.entries)

    def add(self, file: MediaFile) -> None:
        entry = _Entry(next(_ids), file.storage, file.object_key, due_at=_now())
        self.entries[entry.id] = entry

    def withdraw(self, media: NewMedia) -> None:
        for entry in list(self.entries.values()):
            if (entry.storage, entry.object_key) == (media.storage, media.object_key):
                if entry.is_leased():
                    raise Unavailable("The object is being deleted", retry_after_seconds=5)
                del self.entries[entry.id]
