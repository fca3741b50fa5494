"""Debian's PostgreSQL, started once for all the files that need it, and pgbouncer before it."""

from collections.abc import AsyncGenerator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from gateway.db.migrations import migrate
from gateway.db.pool import open_pool
from tests.conftest import copy_cluster, scratch_database
from tests.db.debian import PROGRAMS, DebianServer, debian_server, make_cluster, pgbouncer
from tests.made_once import made_once


@pytest.fixture
def cluster_folder(postgres_folder: Path, made_cluster: Path) -> Path:
    """The folder of a server whose cluster was made, for tests that are not about making one."""
    copy_cluster(made_cluster, postgres_folder)
    return postgres_folder


@pytest.fixture(scope="session")
def debian_cluster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cluster of Debian's PostgreSQL, to start servers on copies of it."""
    if not PROGRAMS:
        pytest.skip("Debian's postgresql is not installed; .ci/run installs it")
    return made_once(tmp_path_factory, "debian-cluster", make_cluster)


@pytest.fixture(scope="session")
def debian(debian_cluster: Path) -> Iterator[DebianServer]:
    """The run's own server of Debian's PostgreSQL."""
    with debian_server(debian_cluster) as server:
        yield server


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def debian_database(debian: DebianServer) -> str:
    """The URL of a database of it that has the schema."""
    async with open_pool(debian.url(), min_size=1, max_size=1, command_timeout_seconds=30) as pool:
        await migrate(pool)
    return debian.url()


@pytest.fixture(scope="session")
def pooled_database(debian: DebianServer, debian_database: str) -> Iterator[str]:
    """The same database through a pgbouncer in transaction mode."""
    with pgbouncer(debian) as url:
        yield url


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def migrated_database(postgres: str) -> AsyncGenerator[str]:
    """The URL of a database of the embedded PostgreSQL that had version 1 and was migrated."""
    async with (
        scratch_database(postgres, template="template1") as url,
        open_pool(url, min_size=1, max_size=1, command_timeout_seconds=30) as pool,
    ):
        await pool.execute((Path(__file__).parent / "schema_version_1.sql").read_text("utf-8"))
        await migrate(pool)
        yield url
