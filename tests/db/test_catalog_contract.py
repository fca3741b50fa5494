"""The catalogue's contracts, passed by PostgreSQL and by the fakes that other tests use."""

import asyncpg
import pytest

from gateway.db.api_keys import PgApiKeys
from gateway.db.deletions import PgDeletionQueue
from gateway.db.recordings import PgRecordingCatalog
from gateway.db.signing_keys import PgSigningSecrets
from tests.contracts.catalog import CatalogContract
from tests.contracts.catalog_deletions import DeletionContract
from tests.contracts.catalog_keys import KeyContract, SigningSecretsContract
from tests.contracts.catalog_registration import RegistrationContract
from tests.contracts.catalog_words import Rooms
from tests.fakes.catalog import MemoryCatalog, MemoryDeletionQueue
from tests.fakes.keys import MemoryApiKeys, MemorySigningSecrets


class AllContracts(CatalogContract, RegistrationContract, DeletionContract, KeyContract, SigningSecretsContract):
    """Everything that a world of catalogue, queue, keys and secrets must do."""


class TestPostgres(AllContracts):
    @pytest.fixture
    def rooms(self, pool: asyncpg.Pool) -> Rooms:
        return Rooms(PgRecordingCatalog(pool), PgDeletionQueue(pool), PgApiKeys(pool), PgSigningSecrets(pool))


class TestMemory(AllContracts):
    @pytest.fixture
    def rooms(self) -> Rooms:
        queue = MemoryDeletionQueue()
        return Rooms(MemoryCatalog(queue), queue, MemoryApiKeys(), MemorySigningSecrets())
