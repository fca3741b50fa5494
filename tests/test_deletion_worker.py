"""The deletion worker, with the fake of the queue (which passes the same contract) and storage backends that fail."""

import asyncio
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.assembly.backends import in_background
from gateway.catalog import MediaFile
from gateway.deletion_worker import READ_ONLY_PAUSE_SECONDS, DeletionTimings, DeletionWorker
from gateway.storage import Storage
from storage_adapters.base import BatchDeleting, StorageError, StorageUnavailable
from storage_adapters.local import connect
from storage_adapters.memory import MemoryStorage
from tests.fakes.deletions import MemoryDeletionQueue

SETTINGS = DeletionTimings(
    poll_seconds=3600, lease_seconds=60, batch=100, backoff_initial_seconds=5, backoff_max_seconds=60
)


class Failing(MemoryStorage):
    """A storage backend that cannot delete."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[str] = []
        self.was_asked = asyncio.Event()

    async def delete(self, key: str) -> None:
        self.asked.append(key)
        self.was_asked.set()
        raise StorageUnavailable(key, "away")


class Batching(MemoryStorage, BatchDeleting):
    """A storage backend that deletes in batches, except the key `stuck`."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[list[str]] = []

    async def delete_many(self, keys: Iterable[str]) -> dict[str, StorageError]:
        self.batches.append(sorted(keys))
        return {key: StorageUnavailable(key, "stuck") for key in self.batches[-1] if key == "stuck"}


def queue_of(*objects: tuple[str, str]) -> MemoryDeletionQueue:
    """A queue with these objects, each given by the name of its storage backend and its key."""
    queue = MemoryDeletionQueue()
    for storage, key in objects:
        queue.add(media(storage, key))
    return queue


def media(storage: str, key: str) -> MediaFile:
    made = datetime(2026, 1, 1, tzinfo=UTC)
    return MediaFile(
        id=1, recording_id=1, type="audio", format="mp3", content_type="audio/mpeg", storage=storage, object_key=key,
        status="uploaded", size=1, etag="e", object_modified_at=made, duration_seconds=None, metadata=None,
        captured_at=None, created_at=made,
    )  # fmt: skip


class Made:
    """Files derived from objects: it records which were removed, unless the disk fails."""

    def __init__(self) -> None:
        self.removed: list[tuple[str, str]] = []
        self.trouble: OSError | None = None

    async def forget(self, storage: str, keys: Sequence[str]) -> None:
        if self.trouble is not None:
            raise self.trouble
        self.removed += [(storage, key) for key in keys]


def worker_of(queue: MemoryDeletionQueue, made: Made | None = None, **storages: MemoryStorage) -> DeletionWorker:
    named = {name: Storage(name, "memory", adapter) for name, adapter in storages.items()}
    return DeletionWorker(queue, named, (made or Made()).forget, SETTINGS)


async def test_an_object_is_deleted_and_then_its_entry() -> None:
    queue, storage = queue_of(("disk", "a")), MemoryStorage()
    async with storage.create("a") as writer:
        await writer.write(b"a")
    assert await worker_of(queue, disk=storage).delete_once() == 1
    assert await queue.count_deletions() == 0
    assert [each.key async for each in storage.list("")] == []


async def test_derived_files_are_deleted_after_their_object() -> None:
    queue, made = queue_of(("away", "a"), ("disk", "b"), ("disk", "c")), Made()
    await worker_of(queue, made, away=Failing(), disk=MemoryStorage()).delete_once()
    assert made.removed == [("disk", "b"), ("disk", "c")]
    assert await queue.count_deletions() == 1


async def test_the_entry_stays_until_derived_files_are_deleted() -> None:
    queue, made = queue_of(("disk", "a")), Made()
    made.trouble = PermissionError(13, "not ours")
    await worker_of(queue, made, disk=MemoryStorage()).delete_once()
    assert await queue.count_deletions() == 1


async def test_an_object_that_cannot_be_deleted_is_tried_again_later() -> None:
    queue, storage = queue_of(("disk", "a")), Failing()
    worker = worker_of(queue, disk=storage)
    assert await worker.delete_once() == 1
    assert await queue.count_deletions() == 1
    assert await worker.delete_once() == 0, "it is not due yet"
    assert storage.asked == ["a"]


async def test_objects_in_a_read_only_storage_backend_are_logged_once_and_tried_daily(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    queue = queue_of(("archive", "a"), ("archive", "b"), ("archive", "absent"), ("disk", "c"))
    for name in ("a", "b"):
        (tmp_path / name).touch()
    archive = Storage("archive", "local", await connect(root=tmp_path, read_only=True))
    storages = {"archive": archive, "disk": Storage("disk", "memory", Failing())}
    worker = DeletionWorker(queue, storages, Made().forget, SETTINGS)
    await worker.delete_once()
    pauses = [vars(each)["retry_in_seconds"] for each in caplog.records if each.levelname == "WARNING"]
    assert sorted(pauses) == [SETTINGS.backoff_initial_seconds, READ_ONLY_PAUSE_SECONDS]
    assert await queue.count_deletions() == 3
    await archive.adapter.close()


async def test_one_stuck_object_does_not_delay_others() -> None:
    queue, storage = queue_of(("bucket", "a"), ("bucket", "stuck"), ("bucket", "b")), Batching()
    assert await worker_of(queue, bucket=storage).delete_once() == 3
    assert storage.batches == [["a", "b", "stuck"]]
    assert await queue.count_deletions() == 1


async def test_an_entry_waits_for_a_storage_backend_that_is_not_configured() -> None:
    queue = queue_of(("gone", "a"), ("disk", "b"))
    assert await worker_of(queue, disk=MemoryStorage()).delete_once() == 2
    assert await queue.count_deletions() == 1


async def test_the_worker_sleeps_until_it_is_woken() -> None:
    queue, storage = MemoryDeletionQueue(), Failing()
    worker = worker_of(queue, disk=storage)
    async with in_background(worker.run), asyncio.timeout(60):
        queue.add(media("disk", "a"))
        worker.wake()
        await storage.was_asked.wait()


@pytest.mark.parametrize(("attempts", "seconds"), [(1, 5), (2, 10), (4, 40), (5, 60), (10_000, 60)])
def test_the_pause_doubles_up_to_its_limit(attempts: int, seconds: float) -> None:
    assert worker_of(MemoryDeletionQueue())._backoff(attempts) == seconds
