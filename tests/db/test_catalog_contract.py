"""The catalogue's contracts, passed by PostgreSQL and by the fakes that other tests use."""

import asyncpg
import pytest

from tests.contracts.catalog import CatalogContract
from tests.contracts.catalog_deletions import DeletionContract
from tests.contracts.catalog_keys import KeyContract, SigningSecretsContract
from tests.contracts.catalog_registration import RegistrationContract
from tests.contracts.catalog_words import Rooms
from tests.db.rooms import postgres_rooms
from tests.fakes.catalog import MemoryCatalog
from tests.fakes.deletions import MemoryDeletionQueue
from tests.fakes.keys import MemoryApiKeys, MemorySigningSecrets


class AllContracts(CatalogContract, RegistrationContract, DeletionContract, KeyContract, SigningSecretsContract):
    """Everything that a world of catalogue, queue, keys and secrets must do."""


class TestPostgres(AllContracts):
    @pytest.fixture
    def rooms(self, pool: asyncpg.Pool) -> Rooms:
        return postgres_rooms(pool)


class TestMemory(AllContracts):
    @pytest.fixture
    def rooms(self) -> Rooms:
        queue = MemoryDeletionQueue()
        return Rooms(MemoryCatalog(queue), queue, MemoryApiKeys(), MemorySigningSecrets())
