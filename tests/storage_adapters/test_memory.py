from collections.abc import AsyncIterator

import pytest

from storage_adapters import connect
from storage_adapters.base import InvalidKey, Listable, Writable
from storage_adapters.memory import MemoryStorage
from storage_adapters.resumable import Composing
from tests.contracts.storage import StorageContract
from tests.contracts.storage_helpers import Put, read_whole
from tests.contracts.storage_joins import ComposingContract
from tests.contracts.storage_lists import ListableContract
from tests.contracts.storage_writes import WritableContract


class TestMemoryStorage(StorageContract, WritableContract, ComposingContract, ListableContract):
    capabilities = frozenset({Writable, Composing, Listable})
    object_capabilities = frozenset()

    @pytest.fixture
    async def adapter(self) -> AsyncIterator[MemoryStorage]:
        storage = await connect("memory", {})
        assert isinstance(storage, MemoryStorage)
        yield storage
        await storage.close()

    @pytest.fixture
    def put(self, adapter: MemoryStorage) -> Put:
        async def put(key: str, content: bytes) -> None:
            async with adapter.create(key) as writer:
                await writer.write(content)

        return put

    async def test_an_open_object_keeps_its_bytes(self, adapter: MemoryStorage, put: Put) -> None:
        await put("kept", b"old")
        async with adapter.open("kept") as stored:
            await put("kept", b"new")
            await adapter.close()
            assert b"".join([chunk async for chunk in stored.read(0, 3)]) == b"old"

    async def test_equal_bytes_have_equal_tags_and_the_type_is_kept(self, adapter: MemoryStorage) -> None:
        for key in ("one", "two"):
            async with adapter.create(key, content_type="audio/mpeg") as writer:
                await writer.write(b"same")
        async with adapter.open("one") as one, adapter.open("two") as two:
            assert one.stat.etag == two.stat.etag
            assert one.stat.content_type == "audio/mpeg"

    async def test_the_empty_key_is_invalid(self, adapter: MemoryStorage) -> None:
        with pytest.raises(InvalidKey):
            async with adapter.create(""):
                pass

    async def test_a_writer_does_not_share_its_buffer(self, adapter: MemoryStorage) -> None:
        async with adapter.create("apart") as writer:
            await writer.write(b"content")
        await writer.write(b" and more")
        assert await read_whole(adapter, "apart") == b"content"
