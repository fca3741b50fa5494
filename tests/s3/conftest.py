"""The S3 servers, one of each per run; and for each module a storage over one of them behind the fault proxy.

A module that asks for `proxy` or `storage` runs in one event loop: `pytestmark = pytest.mark.asyncio(loop_scope="module")`.
"""

import tempfile
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from storage_adapters.s3 import S3Storage
from tests.s3.broken import breakable_storage
from tests.s3.ceph import running_ceph
from tests.s3.faults import FaultProxy, fault_proxy
from tests.s3.processes import S3Server
from tests.s3.rclone import running_rclone
from tests.s3.swift import running_swift


@pytest.fixture(scope="session")
def swift(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with running_swift(tmp_path_factory.mktemp("swift")) as server:
        yield server


@pytest.fixture(scope="session")
def ceph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with (
        tempfile.TemporaryDirectory(prefix="ceph-") as sockets,
        running_ceph(tmp_path_factory.mktemp("ceph"), Path(sockets)) as server,
    ):
        yield server


@pytest.fixture(scope="session")
def rclone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with running_rclone(tmp_path_factory.mktemp("rclone")) as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def proxy(swift: S3Server) -> AsyncGenerator[FaultProxy, None]:
    async with fault_proxy(swift) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def storage(swift: S3Server, proxy: FaultProxy) -> AsyncGenerator[S3Storage, None]:
    async with breakable_storage(swift, proxy) as opened:
        yield opened
