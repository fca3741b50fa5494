"""The local adapter under the contract that every adapter passes."""

from storage_adapters.base import Listable, Writable, ZeroCopy
from storage_adapters.resumable import Resumable
from tests.contracts.storage import StorageContract
from tests.contracts.storage_lists import ListableContract
from tests.contracts.storage_pieces import ResumableContract
from tests.contracts.storage_writes import WritableContract
from tests.storage_adapters.local_storage import LocalFixtures


class TestLocalStorage(LocalFixtures, StorageContract, WritableContract, ResumableContract, ListableContract):
    capabilities = frozenset({Writable, Resumable, Listable})
    object_capabilities = frozenset({ZeroCopy})
