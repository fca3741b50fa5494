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
from tests.contracts.catalog_stores import Stores
from tests.db.postgres_stores import postgres_stores
from tests.fakes.catalog import MemoryCatalog
from tests.fakes.deletions import MemoryDeletionQueue
from tests.fakes.keys import MemoryApiKeys, MemorySigningSecrets


class AllContracts(CatalogContract, RegistrationContract, DeletionContract, KeyContract, SigningSecretsContract):
    """Everything that a world of catalogue, queue, keys and secrets must do."""


class TestPostgres(AllContracts):
    @pytest.fixture
    def stores(self, pool: asyncpg.Pool) -> Stores:
        return postgres_stores(pool)


class TestDebianPostgres(AllContracts):
    @pytest.fixture
    async def stores(self, debian_database: str) -> AsyncGenerator[Stores]:
        async with _emptied(debian_database) as stores:
            yield stores


class TestBehindPooler(AllContracts):
    """Through pgbouncer in transaction mode, where each transaction may run on another connection."""

    @pytest.fixture
    async def stores(self, pooled_database: str) -> AsyncGenerator[Stores]:
        async with _emptied(pooled_database) as stores:
            yield stores


class TestMigrated(AllContracts):
    """On a database of version 1 that was migrated."""

    @pytest.fixture
    async def stores(self, migrated_database: str) -> AsyncGenerator[Stores]:
        async with _emptied(migrated_database) as stores:
            yield stores


@asynccontextmanager
async def _emptied(url: str) -> AsyncGenerator[Stores]:
    """The stores of a database that others used before; none of its rows are left."""
    async with open_pool(url, min_size=1, max_size=5, command_timeout_seconds=30) as pool:
        await pool.execute("TRUNCATE users, object_deletions, signing_keys CASCADE")
        yield postgres_stores(pool)


class TestMemory(AllContracts):
    @pytest.fixture
    def stores(self) -> Stores:
        queue = MemoryDeletionQueue()
        return Stores(MemoryCatalog(queue), queue, MemoryApiKeys(), MemorySigningSecrets())
