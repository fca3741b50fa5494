"""For each module an adapter over a real S3 server and the fault proxy.

A module that asks for `proxy` or `storage` runs in one event loop: `pytestmark = pytest.mark.asyncio(loop_scope="module")`.
"""

from collections.abc import AsyncGenerator

import pytest_asyncio

from storage_adapters.s3 import S3Storage
from tests.s3.broken import breakable_storage
from tests.s3.faults import FaultProxy, fault_proxy
from tests.s3.processes import S3Server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def proxy(s3_server: S3Server) -> AsyncGenerator[FaultProxy, None]:
    async with fault_proxy(s3_server) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def storage(s3_server: S3Server, proxy: FaultProxy) -> AsyncGenerator[S3Storage, None]:
    async with breakable_storage(s3_server, proxy) as opened:
        yield opened
