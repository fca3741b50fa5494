"""The local adapter under the contract that every adapter passes."""

from storage_adapters.base import Listable, Writable, ZeroCopy
from storage_adapters.resumable import Composing, Resumable
from tests.contracts.storage import StorageContract
from tests.contracts.storage_joins import ComposingContract
from tests.contracts.storage_lists import ListableContract
from tests.contracts.storage_pieces import ResumableContract
from tests.contracts.storage_writes import WritableContract
from tests.storage_adapters.local_storage import LocalFixtures


class TestLocalStorage(
    LocalFixtures, StorageContract, WritableContract, ComposingContract, ResumableContract, ListableContract
):
    capabilities = frozenset({Writable, Composing, Resumable, Listable})
    object_capabilities = frozenset({ZeroCopy})
