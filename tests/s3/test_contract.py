"""The storage contract over one S3 server, and through the cache of slices."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from storage_adapters.base import Listable, Presigning, Writable, ZeroCopy
from storage_adapters.resumable import Composing
from storage_adapters.s3 import S3Storage, connect
from tests.contracts.storage import StorageContract
from tests.contracts.storage_helpers import Put
from tests.contracts.storage_joins import ComposingContract
from tests.contracts.storage_lists import ListableContract
from tests.contracts.storage_writes import WritableContract
from tests.s3.buckets import new_bucket, s3_client, s3_storage, settings
from tests.s3.processes import S3Server


@pytest_asyncio.fixture(scope="class", loop_scope="class")
async def client(s3_server: S3Server) -> AsyncGenerator[Any, None]:
    async with s3_client(s3_server) as client:
        yield client


class ReadingContract(StorageContract):
    """What can be read. The tests share the SDK's client, because making one takes longer than most."""

    pytestmark = pytest.mark.asyncio(loop_scope="class")
    capabilities = frozenset({Writable, Composing, Listable, Presigning})
    object_capabilities = frozenset()

    @pytest_asyncio.fixture(loop_scope="class")
    async def bucket(self, client: Any) -> str:
        return await new_bucket(client)

    @pytest_asyncio.fixture(loop_scope="class")
    async def adapter(self, s3_server: S3Server, bucket: str) -> AsyncGenerator[S3Storage, None]:
        async with s3_storage(s3_server, bucket, prefix="kept/here/", max_connections=8) as storage:
            yield storage

    @pytest.fixture
    def put(self, client: Any, bucket: str) -> Put:
        async def put(key: str, content: bytes) -> None:
            await client.put_object(Bucket=bucket, Key=f"kept/here/{key}", Body=content)

        return put


class S3Contract(ReadingContract, WritableContract, ComposingContract, ListableContract):
    """Writing, joining and listing as well."""


class TestS3Storage(S3Contract):
    """Everything, on one server; test_servers.py asks the others for what they may do otherwise."""


class TestBehindACache(ReadingContract):
    """The same, read through the cache of slices."""

    object_capabilities = frozenset({ZeroCopy})

    @pytest_asyncio.fixture(loop_scope="class")
    async def adapter(  # type: ignore[override]  # pytest passes what a fixture asks for
        self, s3_server: S3Server, bucket: str, tmp_path: Path
    ) -> AsyncGenerator[S3Storage, None]:
        cache = {"cache_folder": tmp_path / "slices", "cache_max_bytes": 64 * 1024 * 1024}
        storage = await connect(**settings(s3_server, bucket, prefix="kept/here/", max_connections=8, **cache))
        yield storage
        # A slice may be on its way when its reader has left: closing ends that.
        await storage.close()
        assert (storage.connections.free, storage.memory.free) == (storage.connections.total, storage.memory.total)
