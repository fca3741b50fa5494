"""Accounts, and what is deleted with one."""

import asyncpg
import pytest

from gateway.catalog import ALL_SCOPES, Owner
from gateway.db.users import PgUsers
from tests.contracts.catalog_stores import Stores, new_media
from tests.db.postgres_stores import postgres_stores


@pytest.fixture
def stores(pool: asyncpg.Pool) -> Stores:
    return postgres_stores(pool)


async def add_key(stores: Stores, owner: Owner, digest: bytes) -> None:
    await stores.api_keys.create_key(
        digest=digest, prefix="sk_live_abcd", owner=owner, scopes=ALL_SCOPES, expires_at=None, name="the dashboard"
    )


async def test_users_are_listed_with_what_they_hold(pool: asyncpg.Pool, stores: Stores) -> None:
    ada, bob = await stores.owner("Ada@example.org"), await stores.owner("bob@example.org")
    await add_key(stores, ada, bytes(32))
    for key in ("a.mp3", "b.mp3"):
        await stores.catalog.register(ada, new_media(key, size=1000))
    first, second = await PgUsers(pool).list_users()
    assert (first.id, first.email, first.keys, first.recordings, first.bytes) == (
        ada.user_id,
        "Ada@example.org",
        1,
        2,
        2000,
    )
    assert (second.id, second.keys, second.recordings, second.bytes) == (bob.user_id, 0, 0, 0)
    assert await PgUsers(pool).find_user("ADA@EXAMPLE.ORG") == first
    assert await PgUsers(pool).find_user("nobody@example.org") is None
    assert await PgUsers(pool).find_user("nul\0") is None


async def test_a_user_is_deleted_with_all_that_it_owns_and_nothing_of_others(
    pool: asyncpg.Pool, stores: Stores
) -> None:
    ada, bob = await stores.owner("ada@example.org"), await stores.owner("bob@example.org")
    await add_key(stores, ada, b"a" * 32)
    await add_key(stores, bob, b"b" * 32)
    for owner, key in ((ada, "a.mp3"), (ada._replace(live=False), "test.mp3"), (bob, "b.mp3")):
        await stores.catalog.register(owner, new_media(key))
    assert await PgUsers(pool).delete_user(ada.user_id)
    assert not await PgUsers(pool).delete_user(ada.user_id)
    assert await stores.api_keys.find_key(b"a" * 32) is None
    assert await stores.api_keys.find_key(b"b" * 32) is not None
    claimed = await stores.queue.claim_deletions(limit=9, lease_seconds=60)
    assert sorted(each.object_key for each in claimed) == ["a.mp3", "test.mp3"]
    (left,) = await PgUsers(pool).list_users()
    assert (left.id, left.recordings) == (bob.user_id, 1)
