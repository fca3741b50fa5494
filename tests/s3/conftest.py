"""For each module an adapter over a real S3 server and the fault proxy, and for all modules the files that the SDK has read.

A module that asks for `proxy` or `storage` runs in one event loop: `pytestmark = pytest.mark.asyncio(loop_scope="module")`.
"""

from collections.abc import AsyncGenerator, Iterator
from functools import cache

import pytest
import pytest_asyncio
from botocore import session  # type: ignore[import-untyped]
from botocore.loaders import create_loader  # type: ignore[import-untyped]

from storage_adapters.s3 import S3Storage
from tests.s3.broken import breakable_storage
from tests.s3.faults import FaultProxy, fault_proxy
from tests.s3.processes import S3Server


@pytest.fixture(scope="session", autouse=True)
def parsed_once() -> Iterator[None]:
    """Every storage has a session of the SDK's, which finds and parses a megabyte of JSON: here, once for all of them."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session, "create_loader", cache(create_loader))
        yield


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def proxy(s3_server: S3Server) -> AsyncGenerator[FaultProxy, None]:
    async with fault_proxy(s3_server) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def storage(s3_server: S3Server, proxy: FaultProxy) -> AsyncGenerator[S3Storage, None]:
    async with breakable_storage(s3_server, proxy) as opened:
        yield opened
