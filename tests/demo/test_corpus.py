from collections.abc import AsyncIterator

import asyncpg
import pytest

from gateway.catalog import NewMedia, Owner
from gateway.db.api_keys import PgApiKeys
from gateway.db.recordings import PgRecordingCatalog
from gateway.demo.corpus import MAX_COUNT, seed_synthetic, synthetic_key
from gateway.errors import Conflict
from gateway.storage import Storage
from storage_adapters import connect
from storage_adapters.synthetic import LAST_MODIFIED, parse_key


@pytest.fixture
async def storage() -> AsyncIterator[Storage]:
    adapter = await connect("synthetic", {})
    yield Storage("corpus", "synthetic", adapter)
    await adapter.close()


@pytest.fixture
async def owner(pool: asyncpg.Pool) -> Owner:
    return Owner(await PgApiKeys(pool).ensure_user("load@example.org"))


async def test_the_corpus_has_each_recording_once(pool: asyncpg.Pool, storage: Storage, owner: Owner) -> None:
    catalog, reported = PgRecordingCatalog(pool), list[int]()
    await seed_synthetic(catalog, storage, owner, 20)
    await seed_synthetic(catalog, storage, owner, 30, reported.append)
    recordings = await catalog.list_recordings(owner, limit=200, offset=0)
    media = [file for recording in recordings for file in recording.media_files]
    assert {file.object_key for file in media} == {synthetic_key(number) for number in range(30)}
    assert len(media) == sum(reported) == 30
    for file in media:
        async with storage.adapter.open(file.object_key) as stored:
            assert (file.size, file.etag) == (stored.stat.size, stored.stat.etag)


@pytest.mark.parametrize("number", [0, 1, 255, 256, 100_000, MAX_COUNT - 1])
def test_the_size_of_a_recording_gives_its_seed(number: int) -> None:
    seed, size = parse_key(synthetic_key(number))
    assert seed == number == size % (1 << 20)
    assert size == (1 << 20) * (1 + seed % 256) + seed


async def test_more_than_the_corpus_holds_is_refused(pool: asyncpg.Pool, storage: Storage, owner: Owner) -> None:
    with pytest.raises(ValueError, match="at most"):
        await seed_synthetic(PgRecordingCatalog(pool), storage, owner, MAX_COUNT + 1)


async def test_an_object_of_another_owner_is_a_conflict(pool: asyncpg.Pool, storage: Storage, owner: Owner) -> None:
    catalog, other = PgRecordingCatalog(pool), Owner(owner.user_id, live=False)
    media = NewMedia("audio", "bin", "audio/wav", "corpus", synthetic_key(5), 1, "tag", LAST_MODIFIED)
    await catalog.register(other, media)
    with pytest.raises(Conflict):
        await seed_synthetic(catalog, storage, owner, 10)
