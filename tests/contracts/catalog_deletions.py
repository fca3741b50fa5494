"""The contract of deletion: a deleted recording disappears immediately, and its object is queued once."""

import asyncio

import pytest

from gateway.catalog import ObjectDeletion
from gateway.errors import Unavailable
from tests.contracts.catalog_stores import Stores, new_media

HOUR = 3600.0


class DeletionContract:
    async def _queued(self, stores: Stores, *object_keys: str) -> None:
        owner = await stores.owner()
        for object_key in object_keys:
            await stores.catalog.delete_recording(owner, (await stores.added(owner, object_key)).id)

    async def _claim_one(self, stores: Stores, lease_seconds: float = HOUR) -> ObjectDeletion:
        (claimed,) = await stores.queue.claim_deletions(limit=9, lease_seconds=lease_seconds)
        return claimed

    async def test_a_deleted_recording_disappears_immediately_and_its_object_is_queued(self, stores: Stores) -> None:
        owner, recording = await stores.owner(), await stores.added(await stores.owner())
        kept = await stores.added(owner, "kept.mp3")
        file = recording.media_files[0]
        assert await stores.catalog.delete_recording(owner, recording.id)
        assert await stores.catalog.find_recording(owner, recording.id) is None
        assert await stores.catalog.find_media_file(owner, recording.id, file.id) is None
        assert list(await stores.catalog.list_recordings(owner, limit=9, offset=0)) == [kept]
        claimed = await self._claim_one(stores)
        assert (claimed.storage, claimed.object_key, claimed.attempts) == (file.storage, file.object_key, 1)

    async def test_a_second_delete_finds_nothing_and_queues_nothing(self, stores: Stores) -> None:
        owner, recording = await stores.owner(), await stores.added(await stores.owner())
        responses = await asyncio.gather(*(stores.catalog.delete_recording(owner, recording.id) for _ in range(5)))
        assert sorted(responses) == [False] * 4 + [True]
        assert await stores.queue.count_deletions() == 1

    async def test_a_claimed_entry_can_be_claimed_again_only_after_its_lease(self, stores: Stores) -> None:
        await self._queued(stores, "a.mp3")
        assert (await self._claim_one(stores, lease_seconds=0)).attempts == 1
        assert (await self._claim_one(stores, lease_seconds=HOUR)).attempts == 2
        assert not await stores.queue.claim_deletions(limit=9, lease_seconds=HOUR)
        assert await stores.queue.count_deletions() == 1

    async def test_a_finished_entry_is_removed(self, stores: Stores) -> None:
        await self._queued(stores, "a.mp3")
        claimed = await self._claim_one(stores, lease_seconds=0)
        await stores.queue.finish_deletion(claimed.id)
        await stores.queue.finish_deletion(claimed.id)
        assert await stores.queue.count_deletions() == 0
        assert not await stores.queue.claim_deletions(limit=9, lease_seconds=0)

    async def test_a_postponed_entry_can_be_claimed_only_when_it_is_due(self, stores: Stores) -> None:
        await self._queued(stores, "a.mp3")
        claimed = await self._claim_one(stores)
        await stores.queue.postpone_deletion(claimed.id, seconds=HOUR, error="no route: \0 \udc80")
        assert not await stores.queue.claim_deletions(limit=9, lease_seconds=HOUR)
        await stores.queue.postpone_deletion(claimed.id, seconds=0, error="again")
        assert await self._claim_one(stores) == ObjectDeletion(claimed.id, claimed.storage, claimed.object_key, 2)

    async def test_a_claim_returns_the_oldest_entries_up_to_its_limit(self, stores: Stores) -> None:
        await self._queued(stores, "1", "2", "3")
        claimed = await stores.queue.claim_deletions(limit=2, lease_seconds=HOUR)
        assert [each.object_key for each in claimed] == ["1", "2"]

    async def test_concurrent_claims_do_not_overlap(self, stores: Stores) -> None:
        names = [f"{number}.mp3" for number in range(30)]
        await self._queued(stores, *names)
        claims = await asyncio.gather(*(stores.queue.claim_deletions(limit=10, lease_seconds=HOUR) for _ in range(5)))
        claimed = [each.object_key for claim in claims for each in claim]
        rest = await stores.queue.claim_deletions(limit=30, lease_seconds=HOUR)
        assert sorted(claimed + [each.object_key for each in rest]) == sorted(names)

    async def test_an_object_registered_again_is_no_longer_queued(self, stores: Stores) -> None:
        await self._queued(stores, "a.mp3")
        await stores.added(await stores.owner(), "a.mp3")
        assert await stores.queue.count_deletions() == 0
        assert not await stores.queue.claim_deletions(limit=9, lease_seconds=HOUR)

    async def test_an_object_under_a_lease_cannot_be_registered(self, stores: Stores) -> None:
        owner = await stores.owner()
        await self._queued(stores, "a.mp3")
        claimed = await self._claim_one(stores)
        with pytest.raises(Unavailable):
            await stores.catalog.register(owner, new_media("a.mp3"))
        assert not await stores.catalog.list_recordings(owner, limit=9, offset=0)
        await stores.queue.postpone_deletion(claimed.id, seconds=HOUR, error="storage down")
        _, is_new = await stores.catalog.register(owner, new_media("a.mp3"))
        assert is_new
        assert await stores.queue.count_deletions() == 0

    async def test_the_lease_of_a_dead_worker_expires(self, stores: Stores) -> None:
        await self._queued(stores, "a.mp3")
        await self._claim_one(stores, lease_seconds=0)
        await stores.added(await stores.owner(), "a.mp3")
        assert await stores.queue.count_deletions() == 0
