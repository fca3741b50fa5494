"""What every adapter that is Listable must do: every key once, in order."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import cast

import pytest

from storage_adapters.base import Listable, ListedObject, StorageAdapter
from tests.contracts.storage_helpers import UNUSUAL_KEYS, Put

KEYS = ("a b", "a-b/1", "a.txt", "a/1", "a/10", "a/2", "a/b/c", "a/b.c", "a0", "aé", "b", "é/x", "🎙")


class ListableStorage(StorageAdapter, Listable):
    """What these tests need of an adapter."""


async def list_keys(adapter: ListableStorage, prefix: str) -> list[str]:
    return [listed.key async for listed in adapter.list(prefix)]


class ListableContract:
    """Listing; for adapters that claim Listable."""

    async def test_an_empty_storage_lists_nothing(self, adapter: ListableStorage) -> None:
        assert await list_keys(adapter, "") == []

    @pytest.mark.parametrize(
        "prefix", ["", "a", "a/", "a/1", "a/b", "a/b/", "a b", "é", "b", "nothing", "a/nothing/", "/"]
    )
    async def test_a_prefix_lists_what_starts_with_it_in_order(
        self, adapter: ListableStorage, put: Put, prefix: str
    ) -> None:
        for key in reversed(KEYS):
            await put(key, key.encode())
        assert await list_keys(adapter, prefix) == sorted(key for key in KEYS if key.startswith(prefix))

    async def test_a_listed_object_is_the_one_that_opens(self, adapter: ListableStorage, put: Put) -> None:
        await put("a/b", b"content")
        (listed,) = [listed async for listed in adapter.list("")]
        async with adapter.open("a/b") as stored:
            stat = stored.stat
        assert (listed.key, listed.size, listed.etag) == ("a/b", stat.size, stat.etag)
        assert abs(listed.last_modified - stat.last_modified).total_seconds() < 1

    async def test_unusual_keys_are_listed_as_they_are(self, adapter: ListableStorage, put: Put) -> None:
        for key in UNUSUAL_KEYS.values():
            await put(key, b"content")
        assert await list_keys(adapter, "") == sorted(UNUSUAL_KEYS.values())

    async def test_a_deleted_object_is_not_listed(self, adapter: ListableStorage, put: Put) -> None:
        await put("x/1", b"1")
        await put("x/2", b"2")
        await adapter.delete("x/1")
        assert await list_keys(adapter, "x/") == ["x/2"]

    async def test_a_long_listing_is_complete(self, adapter: ListableStorage, put: Put) -> None:
        keys = [f"long/{number:04}" for number in range(300)]
        for key in keys:
            await put(key, b"")
        assert await list_keys(adapter, "long/") == keys

    async def test_a_listing_may_be_left_early(self, adapter: ListableStorage, put: Put) -> None:
        for number in range(5):
            await put(f"left/{number}", b"")
        listing = cast("AsyncGenerator[ListedObject, None]", adapter.list("left/"))
        async with aclosing(listing):
            assert (await anext(listing)).key == "left/0"
        assert len(await list_keys(adapter, "left/")) == 5
