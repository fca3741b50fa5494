"""What every adapter must do about keys: any text is a key, an absent object is not found, deleting is idempotent."""

import pytest

from storage_adapters.base import ObjectNotFound, StorageAdapter
from tests.contracts.storage_helpers import UNUSUAL_KEYS, Put, exists, read_whole


class KeyContract:
    """Keys, absence and deletion; part of `StorageContract`."""

    @pytest.mark.parametrize("key", UNUSUAL_KEYS.values(), ids=UNUSUAL_KEYS.keys())
    async def test_an_unusual_key_is_a_key_like_any_other(self, adapter: StorageAdapter, put: Put, key: str) -> None:
        await put(key, key.encode())
        assert await read_whole(adapter, key) == key.encode()
        await adapter.delete(key)
        assert not await exists(adapter, key)

    async def test_a_missing_object_is_not_found_under_its_key(self, adapter: StorageAdapter) -> None:
        with pytest.raises(ObjectNotFound) as caught:
            async with adapter.open("no/such object"):
                pass
        assert caught.value.key == "no/such object"
        assert caught.value.reason
        assert "no/such object" in str(caught.value)

    async def test_a_deleted_object_is_not_found(self, adapter: StorageAdapter, put: Put) -> None:
        await put("a/b/deleted", b"content")
        await put("a/b/kept", b"kept")
        await adapter.delete("a/b/deleted")
        assert not await exists(adapter, "a/b/deleted")
        assert await read_whole(adapter, "a/b/kept") == b"kept"

    async def test_deleting_twice_is_deleting_once(self, adapter: StorageAdapter, put: Put) -> None:
        await put("twice", b"content")
        await adapter.delete("twice")
        await adapter.delete("twice")
        await adapter.delete("never/there")

    async def test_a_deleted_object_can_come_back(self, adapter: StorageAdapter, put: Put) -> None:
        await put("a/back", b"first")
        await adapter.delete("a/back")
        await put("a/back", b"second")
        assert await read_whole(adapter, "a/back") == b"second"

    async def test_an_error_in_the_callers_block_passes_through(self, adapter: StorageAdapter, put: Put) -> None:
        await put("block", b"content")
        with pytest.raises(ZeroDivisionError):
            async with adapter.open("block"):
                raise ZeroDivisionError

    async def test_a_usable_backend_answers_a_ping(self, adapter: StorageAdapter) -> None:
        await adapter.ping()
