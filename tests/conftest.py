"""Fixtures for every test: a real PostgreSQL server, and a database for each test.

Each worker starts one embedded server in its own folder, on a copy of a cluster that was made once in the run. A test's
database is a copy of a template with the schema.
"""

import asyncio
import gc
import os
import shutil
import subprocess
from collections.abc import AsyncGenerator, Generator, Iterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

from gateway.db.embedded.shared_server import embedded_postgres
from gateway.db.migrations import migrate
from gateway.db.pool import open_pool
from tests.made_once import made_once
from tests.s3.servers import ceph, parsed_once, rclone, s3_server, seaweedfs, swift
from tests.scheduling import GroupScheduling, file_of, rank_of

__all__ = ["ceph", "parsed_once", "rclone", "s3_server", "seaweedfs", "swift"]

# Let pytest explain failed assertions in the suites that tests inherit, too.
pytest.register_assert_rewrite("tests.contracts")

# No example has a deadline: the outcome of a test must not depend on the machine's speed.
settings.register_profile("seekgate", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("seekgate")

TEMPLATE: Final = "seekgate_template"
MEMORY_WANTED: Final = 4 * 2**30
SKIP_ALLOWED: Final = "Skipped: cannot run here:"

T = TypeVar("T")

_numbers: Final = count(1)


@pytest.fixture(scope="session")
def made_cluster(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cluster without databases of its own, to copy: initdb costs a third of a second of processor time."""

    def make(folder: Path) -> Path:
        with _folder() as place:
            asyncio.run(_start_and_stop(Path(place)))
            copy_cluster(Path(place) / "cluster", folder)
        return folder / "cluster"

    return made_once(tmp_path_factory, "postgres-cluster", make)


def copy_cluster(cluster: Path, folder: Path) -> None:
    """Copy the cluster, with its owner and permissions, to the folder of another server."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "-a", cluster, folder / "cluster"], check=True)


async def _start_and_stop(folder: Path) -> None:
    async with embedded_postgres(folder):
        pass


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres(made_cluster: Path) -> AsyncGenerator[str]:
    """The URL of the server; its database `seekgate_template` has the schema and no rows."""
    with _folder() as folder:
        copy_cluster(made_cluster, Path(folder) / "postgres")
        async with embedded_postgres(Path(folder) / "postgres") as url:
            await prepare_server(url)
            yield url


@pytest.fixture
def postgres_folder() -> Iterator[Path]:
    """An empty folder for a PostgreSQL server that the test starts, in memory if possible."""
    with _folder() as folder:
        yield Path(folder)


@pytest_asyncio.fixture
async def empty_database_url(postgres: str) -> AsyncGenerator[str]:
    """The URL of a new database without the schema."""
    async with scratch_database(postgres, template="template1") as url:
        yield url


@pytest_asyncio.fixture
async def database_url(postgres: str) -> AsyncGenerator[str]:
    """The URL of a new database with the schema and no rows."""
    async with scratch_database(postgres) as url:
        yield url


@pytest_asyncio.fixture
async def pool(database_url: str) -> AsyncGenerator[asyncpg.Pool]:
    """Connections to the test's database."""
    async with open_pool(database_url, min_size=1, max_size=5, command_timeout_seconds=30) as opened:
        yield opened


def database_at(server: str, name: str) -> str:
    """The URL of another database on the same server."""
    return urlunsplit(urlsplit(server)._replace(path=f"/{name}"))


def _folder() -> TemporaryDirectory[str]:
    """A folder in memory if enough is free: the database of each test is hundreds of small files."""
    memory = Path("/dev/shm")  # noqa: S108 - the folder made in it is private
    plenty = memory.is_dir() and shutil.disk_usage(memory).free > MEMORY_WANTED
    return TemporaryDirectory(prefix="seekgate-tests-", dir=memory if plenty else None)


async def prepare_server(server: str) -> None:
    """Create the database that `scratch_database` copies: it has the schema and no rows."""
    connection = await asyncpg.connect(server)
    try:
        # A crash of the server or a power cut may lose the tests' data.
        for setting in ("fsync", "full_page_writes", "synchronous_commit"):
            await connection.execute(f"ALTER SYSTEM SET {setting} = off")
        await connection.execute("SELECT pg_reload_conf()")
        await connection.execute(f"CREATE DATABASE {TEMPLATE}")
    finally:
        await connection.close()
    async with open_pool(database_at(server, TEMPLATE), min_size=1, max_size=1, command_timeout_seconds=30) as pool:
        await migrate(pool)


@asynccontextmanager
async def scratch_database(server: str, template: str = TEMPLATE) -> AsyncGenerator[str]:
    """The URL of a new database on this server, which is dropped at the end."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    connection = await asyncpg.connect(server)
    try:
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        yield database_at(server, name)
        await connection.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await connection.close()


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Collect without the garbage collector, which would go through the thousands of tests again and again.

    They and the imported modules live until the end, so it ignores them afterwards, too. It also runs less often than by
    default, which takes 6 % off the processor time of a worker's own tests.
    """
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(20_000)
        gc.enable()


def pytest_configure(config: pytest.Config) -> None:
    # Tests of one file that are named one by one are collected in this order, which must be the same in every worker.
    if not any("::" in named for named in config.args):
        config.args = _rotated(config, config.args)


def _rotated(config: pytest.Config, parts: list[T]) -> list[T]:
    """The parts that this worker collects, from another place on for each worker.

    Each imports other files first, so that in a fresh clone each compiles a part of them and not all.
    """
    worker = getattr(config, "workerinput", None)
    if worker is None:
        return parts
    start = len(parts) * int(worker["workerid"].removeprefix("gw")) // worker["workercount"]
    return parts[start:] + parts[:start]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run long files first, in an order that does not depend on the order of collection."""
    items.sort(key=lambda item: (rank_of(item.nodeid), file_of(item.nodeid)))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """Use the groups of tests/scheduling.py, whatever `--dist` says."""
    return GroupScheduling(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI a skipped test fails, unless its reason says that this machine can never run it."""
    report = yield
    _refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """The same for a file that is skipped as a whole; and the order of the folders in this one."""
    report = yield
    _refuse_skip(report)
    if collector.path == Path(__file__).parent and report.result is not None:
        report.result = _rotated(collector.config, report.result)
    return report


def _refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    if os.environ.get("CI") != "true" or hasattr(report, "wasxfail") or not isinstance(report.longrepr, tuple):
        return
    _, _, reason = report.longrepr
    if report.skipped and not reason.startswith(SKIP_ALLOWED):
        report.outcome = "failed"
        report.longrepr = f"CI runs everything: {reason}"
