"""The contract of deletion: a deleted recording disappears immediately, and its object is queued once."""

import asyncio

import pytest

from gateway.catalog import ObjectDeletion
from gateway.errors import Unavailable
from tests.contracts.catalog_words import Rooms, new_media

HOUR = 3600.0


class DeletionContract:
    async def _queued(self, rooms: Rooms, *object_keys: str) -> None:
        owner = await rooms.owner()
        for object_key in object_keys:
            await rooms.catalog.delete_recording(owner, (await rooms.added(owner, object_key)).id)

    async def _claim_one(self, rooms: Rooms, lease_seconds: float = HOUR) -> ObjectDeletion:
        (claimed,) = await rooms.queue.claim_deletions(limit=9, lease_seconds=lease_seconds)
        return claimed

    async def test_a_deleted_recording_disappears_immediately_and_its_object_is_queued(self, rooms: Rooms) -> None:
        owner, recording = await rooms.owner(), await rooms.added(await rooms.owner())
        kept = await rooms.added(owner, "kept.mp3")
        file = recording.media_files[0]
        assert await rooms.catalog.delete_recording(owner, recording.id)
        assert await rooms.catalog.find_recording(owner, recording.id) is None
        assert await rooms.catalog.find_media_file(owner, recording.id, file.id) is None
        assert list(await rooms.catalog.list_recordings(owner, limit=9, offset=0)) == [kept]
        claimed = await self._claim_one(rooms)
        assert (claimed.storage, claimed.object_key, claimed.attempts) == (file.storage, file.object_key, 1)

    async def test_a_second_delete_finds_nothing_and_queues_nothing(self, rooms: Rooms) -> None:
        owner, recording = await rooms.owner(), await rooms.added(await rooms.owner())
        answers = await asyncio.gather(*(rooms.catalog.delete_recording(owner, recording.id) for _ in range(5)))
        assert sorted(answers) == [False] * 4 + [True]
        assert await rooms.queue.count_deletions() == 1

    async def test_a_claimed_entry_can_be_claimed_again_only_after_its_lease(self, rooms: Rooms) -> None:
        await self._queued(rooms, "a.mp3")
        assert (await self._claim_one(rooms, lease_seconds=0)).attempts == 1
        assert (await self._claim_one(rooms, lease_seconds=HOUR)).attempts == 2
        assert not await rooms.queue.claim_deletions(limit=9, lease_seconds=HOUR)
        assert await rooms.queue.count_deletions() == 1

    async def test_a_finished_entry_is_removed(self, rooms: Rooms) -> None:
        await self._queued(rooms, "a.mp3")
        claimed = await self._claim_one(rooms, lease_seconds=0)
        await rooms.queue.finish_deletion(claimed.id)
        await rooms.queue.finish_deletion(claimed.id)
        assert await rooms.queue.count_deletions() == 0
        assert not await rooms.queue.claim_deletions(limit=9, lease_seconds=0)

    async def test_a_postponed_entry_can_be_claimed_only_when_it_is_due(self, rooms: Rooms) -> None:
        await self._queued(rooms, "a.mp3")
        claimed = await self._claim_one(rooms)
        await rooms.queue.postpone_deletion(claimed.id, seconds=HOUR, error="no route: \0 \udc80")
        assert not await rooms.queue.claim_deletions(limit=9, lease_seconds=HOUR)
        await rooms.queue.postpone_deletion(claimed.id, seconds=0, error="again")
        assert await self._claim_one(rooms) == ObjectDeletion(claimed.id, claimed.storage, claimed.object_key, 2)

    async def test_a_claim_returns_the_oldest_entries_up_to_its_limit(self, rooms: Rooms) -> None:
        await self._queued(rooms, "1", "2", "3")
        claimed = await rooms.queue.claim_deletions(limit=2, lease_seconds=HOUR)
        assert [each.object_key for each in claimed] == ["1", "2"]

    async def test_concurrent_claims_do_not_overlap(self, rooms: Rooms) -> None:
        names = [f"{number}.mp3" for number in range(30)]
        await self._queued(rooms, *names)
        claims = await asyncio.gather(*(rooms.queue.claim_deletions(limit=10, lease_seconds=HOUR) for _ in range(5)))
        claimed = [each.object_key for claim in claims for each in claim]
        rest = await rooms.queue.claim_deletions(limit=30, lease_seconds=HOUR)
        assert sorted(claimed + [each.object_key for each in rest]) == sorted(names)

    async def test_an_object_registered_again_is_no_longer_queued(self, rooms: Rooms) -> None:
        await self._queued(rooms, "a.mp3")
        await rooms.added(await rooms.owner(), "a.mp3")
        assert await rooms.queue.count_deletions() == 0
        assert not await rooms.queue.claim_deletions(limit=9, lease_seconds=HOUR)

    async def test_an_object_under_a_lease_cannot_be_registered(self, rooms: Rooms) -> None:
        owner = await rooms.owner()
        await self._queued(rooms, "a.mp3")
        claimed = await self._claim_one(rooms)
        with pytest.raises(Unavailable):
            await rooms.catalog.register(owner, new_media("a.mp3"))
        assert not await rooms.catalog.list_recordings(owner, limit=9, offset=0)
        await rooms.queue.postpone_deletion(claimed.id, seconds=HOUR, error="storage down")
        _, is_new = await rooms.catalog.register(owner, new_media("a.mp3"))
        assert is_new
        assert await rooms.queue.count_deletions() == 0

    async def test_the_lease_of_a_dead_worker_expires(self, rooms: Rooms) -> None:
        await self._queued(rooms, "a.mp3")
        await self._claim_one(rooms, lease_seconds=0)
        await rooms.added(await rooms.owner(), "a.mp3")
        assert await rooms.queue.count_deletions() == 0
