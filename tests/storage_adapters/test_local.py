"""The local adapter under the contract that every adapter passes."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from storage_adapters import connect
from storage_adapters.base import Listable, Writable, ZeroCopy
from storage_adapters.local import LocalStorage
from tests.contracts.storage import StorageContract
from tests.contracts.storage_lists import ListableContract
from tests.contracts.storage_words import Put
from tests.contracts.storage_writes import WritableContract


class LocalFixtures:
    """A storage that keeps few files open, and a way in that is plain files."""

    @pytest.fixture
    def root(self, tmp_path: Path) -> Path:
        return tmp_path / "the root"

    @pytest.fixture
    async def adapter(self, root: Path) -> AsyncIterator[LocalStorage]:
        storage = await connect("local", {"root": root, "open_files": 3})
        assert isinstance(storage, LocalStorage)
        yield storage
        await storage.close()

    @pytest.fixture
    def put(self, root: Path) -> Put:
        """Write beside the file and rename over it, as any careful program does."""

        async def put(key: str, content: bytes) -> None:
            path = root / key
            path.parent.mkdir(parents=True, exist_ok=True)
            beside = root.with_name("beside")
            beside.write_bytes(content)
            beside.rename(path)

        return put


class TestLocalStorage(LocalFixtures, StorageContract, WritableContract, ListableContract):
    capabilities = frozenset({Writable, Listable})
    object_capabilities = frozenset({ZeroCopy})
