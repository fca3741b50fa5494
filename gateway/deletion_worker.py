"""Deletes the objects in the durable queue.

An entry leaves the queue only when its object and everything derived from it were deleted. If that fails, or the
process dies at any moment, the entry stays and is tried again.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from gateway.catalog import DeletionQueue, ObjectDeletion
from gateway.errors import Refusal
from gateway.storage import Storage, storage_named
from storage_adapters.base import BatchDeleting, StorageAdapter, StorageError, StorageUnavailable, Writable

Forget = Callable[[str, Sequence[str]], Awaitable[None]]
"""Removes what was derived from objects (waveforms); it gets their storage backend's name and their keys. Raises OSError."""

# Nothing changes there until a person changes the settings.
READ_ONLY_PAUSE_SECONDS: Final = 86_400.0

_log: Final = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class DeletionTimings:
    """How the worker polls the queue; a claimed entry is hidden from other workers for `lease_seconds`."""

    poll_seconds: float
    lease_seconds: float
    batch: int
    backoff_initial_seconds: float
    backoff_max_seconds: float


@dataclass(frozen=True, slots=True)
class DeletionWorker:
    """One worker; any number may run, in any number of processes."""

    queue: DeletionQueue
    storages: Mapping[str, Storage]
    forget: Forget
    settings: DeletionTimings
    _awake: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _logged_read_only: set[str] = field(default_factory=set, init=False)

    def wake(self) -> None:
        """Poll the queue now: something was put into it."""
        self._awake.set()

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            try:
                worked = await self.delete_once()
            except Refusal as refusal:
                _log.warning("the deletion queue cannot be read", extra={"cause": refusal.message})
                worked = 0
            if not worked:
                await self._rest()

    async def delete_once(self) -> int:
        """Try one batch of the entries that are due, and return how many there were. Raises Unavailable."""
        claimed = await self.queue.claim_deletions(limit=self.settings.batch, lease_seconds=self.settings.lease_seconds)
        for name in {deletion.storage for deletion in claimed}:
            await self._delete(name, [deletion for deletion in claimed if deletion.storage == name])
        return len(claimed)

    async def _delete(self, name: str, deletions: Sequence[ObjectDeletion]) -> None:
        keys = [deletion.object_key for deletion in deletions]
        errors = await self._remove_objects(name, keys)
        errors = {**await self._remove_derived(name, [key for key in keys if key not in errors]), **errors}
        for deletion in deletions:
            error = errors.get(deletion.object_key)
            if error is None:
                await self.queue.finish_deletion(deletion.id)
            else:
                await self._postpone(deletion, error)

    async def _remove_derived(self, name: str, keys: Sequence[str]) -> Mapping[str, StorageError]:
        """Remove what was derived from these deleted objects, and return the errors by key."""
        try:
            await self.forget(name, keys)
        except OSError as error:
            return {key: StorageUnavailable(key, f"what was derived from it was not removed: {error}") for key in keys}
        return {}

    async def _remove_objects(self, name: str, keys: Sequence[str]) -> Mapping[str, StorageError]:
        """Remove the objects from one storage backend, and return the errors by key."""
        try:
            adapter = storage_named(self.storages, name, "").adapter
            if isinstance(adapter, BatchDeleting):
                return await adapter.delete_many(keys)
        except StorageError as error:
            return dict.fromkeys(keys, error)
        failures = [(key, await _remove_one(adapter, key)) for key in keys]
        return {key: failure for key, failure in failures if failure is not None}

    async def _postpone(self, deletion: ObjectDeletion, error: StorageError) -> None:
        storage, pause = self.storages.get(deletion.storage), self._backoff(deletion.attempts)
        is_read_only = storage is not None and not isinstance(storage.adapter, Writable)
        if is_read_only:
            pause = READ_ONLY_PAUSE_SECONDS
        if deletion.storage not in self._logged_read_only:
            _log.warning("an object could not be deleted", extra={"cause": str(error), "retry_in_seconds": pause})
        if is_read_only:
            self._logged_read_only.add(deletion.storage)
        await self.queue.postpone_deletion(deletion.id, seconds=pause, error=error.reason)

    def _backoff(self, attempts: int) -> float:
        # The exponent is bounded before it is raised: attempts may be many.
        doubled = self.settings.backoff_initial_seconds * 2.0 ** min(attempts - 1, 32)
        return min(doubled, self.settings.backoff_max_seconds)

    async def _rest(self) -> None:
        self._awake.clear()
        try:
            async with asyncio.timeout(self.settings.poll_seconds):
                await self._awake.wait()
        except TimeoutError:
            return


async def _remove_one(adapter: StorageAdapter, key: str) -> StorageError | None:
    try:
        await adapter.delete(key)
    except StorageError as error:
        return error
    return None
