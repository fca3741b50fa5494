"""The storage contract, against every server: strict ones and an odd one."""

from collections.abc import AsyncGenerator

import pytest

from storage_adapters.base import Listable, Presigning, Writable
from storage_adapters.s3 import S3Storage
from tests.contracts.storage import StorageContract
from tests.contracts.storage_lists import ListableContract
from tests.contracts.storage_words import Put
from tests.contracts.storage_writes import WritableContract
from tests.s3.buckets import make_bucket, s3_client, s3_storage
from tests.s3.processes import S3Server


class S3Contract(StorageContract, WritableContract, ListableContract):
    capabilities = frozenset({Writable, Listable, Presigning})
    object_capabilities = frozenset()

    @pytest.fixture
    async def bucket(self, server: S3Server) -> str:
        return await make_bucket(server)

    @pytest.fixture
    async def adapter(self, server: S3Server, bucket: str) -> AsyncGenerator[S3Storage, None]:
        async with s3_storage(server, bucket, prefix="kept/here/", max_connections=8) as storage:
            yield storage

    @pytest.fixture
    async def put(self, server: S3Server, bucket: str) -> AsyncGenerator[Put, None]:
        async with s3_client(server) as client:

            async def put(key: str, content: bytes) -> None:
                await client.put_object(Bucket=bucket, Key=f"kept/here/{key}", Body=content)

            yield put


class TestSwift(S3Contract):
    @pytest.fixture
    def server(self, swift: S3Server) -> S3Server:
        return swift


class TestCeph(S3Contract):
    @pytest.fixture
    def server(self, ceph: S3Server) -> S3Server:
        return ceph


class TestRclone(S3Contract):
    @pytest.fixture
    def server(self, rclone: S3Server) -> S3Server:
        return rclone
