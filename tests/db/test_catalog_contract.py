"""The catalogue's contracts, passed by PostgreSQL and by the fakes that other tests use."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from gateway.db.pool import open_pool
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


class TestDebianPostgres(AllContracts):
    @pytest.fixture
    async def rooms(self, debian_database: str) -> AsyncGenerator[Rooms]:
        async with _emptied(debian_database) as rooms:
            yield rooms


class TestBehindPooler(AllContracts):
    """Through pgbouncer in transaction mode, where each transaction may run on another connection."""

    @pytest.fixture
    async def rooms(self, pooled_database: str) -> AsyncGenerator[Rooms]:
        async with _emptied(pooled_database) as rooms:
            yield rooms


class TestMigrated(AllContracts):
    """On a database of version 1 that was migrated."""

    @pytest.fixture
    async def rooms(self, migrated_database: str) -> AsyncGenerator[Rooms]:
        async with _emptied(migrated_database) as rooms:
            yield rooms


@asynccontextmanager
async def _emptied(url: str) -> AsyncGenerator[Rooms]:
    """The rooms of a database that others used before; none of its rows are left."""
    async with open_pool(url, min_size=1, max_size=5, command_timeout_seconds=30) as pool:
        await pool.execute("TRUNCATE users, object_deletions, signing_keys CASCADE")
        yield postgres_rooms(pool)


class TestMemory(AllContracts):
    @pytest.fixture
    def rooms(self) -> Rooms:
        queue = MemoryDeletionQueue()
        return Rooms(MemoryCatalog(queue), queue, MemoryApiKeys(), MemorySigningSecrets())
