"""The catalogue's contracts, passed by PostgreSQL and by the fakes that other tests use."""

from collections.abc import AsyncGenerator
from typing import Final

import asyncpg
import pytest
import pytest_asyncio

from gateway.db.pool import open_pool
from tests.conftest import scratch_database
from tests.contracts.catalog import CatalogContract
from tests.contracts.catalog_deletions import DeletionContract
from tests.contracts.catalog_keys import KeyContract, SigningSecretsContract
from tests.contracts.catalog_registration import RegistrationContract
from tests.contracts.catalog_stores import Stores
from tests.db.postgres_stores import postgres_stores
from tests.fakes.catalog import MemoryCatalog
from tests.fakes.deletions import MemoryDeletionQueue
from tests.fakes.keys import MemoryApiKeys, MemorySigningSecrets

# TRUNCATE would take several times as long for tables of a few rows. Without triggers and foreign keys any order will do.
EMPTY: Final = """
    DO $$ DECLARE name text; BEGIN
        SET LOCAL session_replication_role = replica;
        FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'schema_version' LOOP
            EXECUTE format('DELETE FROM %I', name);
        END LOOP;
    END $$
"""


class AllContracts(CatalogContract, RegistrationContract, DeletionContract, KeyContract, SigningSecretsContract):
    """Everything that a world of catalogue, queue, keys and secrets must do."""


class DatabaseContracts(AllContracts):
    """The same over the database of the fixture `database`. The tests share a pool, because opening one takes longer than most."""

    pytestmark = pytest.mark.asyncio(loop_scope="class")
    database: str

    @pytest_asyncio.fixture(loop_scope="class")
    async def stores(self, shared_pool: asyncpg.Pool) -> Stores:
        await shared_pool.execute(EMPTY)
        return postgres_stores(shared_pool)


@pytest.fixture(scope="class")
def shared_url(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(request.cls.database)
    return url


@pytest_asyncio.fixture(scope="class", loop_scope="class")
async def shared_pool(shared_url: str) -> AsyncGenerator[asyncpg.Pool]:
    async with open_pool(shared_url, min_size=1, max_size=5, command_timeout_seconds=30) as pool:
        yield pool


@pytest_asyncio.fixture(scope="class", loop_scope="class")
async def new_database(postgres: str) -> AsyncGenerator[str]:
    async with scratch_database(postgres) as url:
        yield url


class TestPostgres(DatabaseContracts):
    database = "new_database"


class TestDebianPostgres(DatabaseContracts):
    database = "debian_database"


class TestBehindPooler(DatabaseContracts):
    """Through pgbouncer in transaction mode, where each transaction may run on another connection."""

    database = "pooled_database"


class TestMigrated(DatabaseContracts):
    """On a database of version 1 that was migrated."""

    database = "migrated_database"


class TestMemory(AllContracts):
    @pytest.fixture
    def stores(self) -> Stores:
        queue = MemoryDeletionQueue()
        return Stores(MemoryCatalog(queue), queue, MemoryApiKeys(), MemorySigningSecrets())
