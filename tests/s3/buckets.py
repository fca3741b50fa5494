"""Empty buckets and adapters over them."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any, Final

from aiobotocore.config import AioConfig  # type: ignore[import-untyped]
from aiobotocore.session import AioSession  # type: ignore[import-untyped]

from storage_adapters.s3 import S3Storage, connect
from tests.s3.processes import S3Server

_numbers: Final = count(1)
_session: Final = AioSession()  # one for all: it reads the SDK's model of S3 once


@asynccontextmanager
async def s3_client(server: S3Server) -> AsyncGenerator[Any, None]:
    """The SDK's client, for what the adapter cannot do and for checking what it did."""
    config = AioConfig(
        s3={"addressing_style": "path"},
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
    )
    async with _session.create_client(
        "s3",
        region_name="us-east-1",
        endpoint_url=server.endpoint_url,
        aws_access_key_id=server.access_key_id,
        aws_secret_access_key=server.secret_access_key,
        verify=False,
        config=config,
    ) as client:
        yield client


async def make_bucket(server: S3Server) -> str:
    """The name of a new, empty bucket."""
    async with s3_client(server) as client:
        return await new_bucket(client)


async def new_bucket(client: Any) -> str:
    """The same by a client of the SDK that exists."""
    name = f"bucket-{next(_numbers)}"
    await client.create_bucket(Bucket=name)
    return name


def settings(server: S3Server, bucket: str, **more: Any) -> dict[str, Any]:
    """The options of an adapter over this bucket. No server here speaks TLS: reading the certificates takes longer than most tests."""
    return {
        "bucket": bucket,
        "endpoint_url": server.endpoint_url,
        "addressing_style": "path",
        "access_key_id": server.access_key_id,
        "secret_access_key": server.secret_access_key,
        "verify_tls": False,
        **more,
    }


@asynccontextmanager
async def s3_storage(server: S3Server, bucket: str, **more: Any) -> AsyncGenerator[S3Storage, None]:
    """An adapter over this bucket; nothing of it is in use at the end."""
    storage = await connect(**settings(server, bucket, **more))
    try:
        yield storage
        assert (storage.connections.free, storage.memory.free) == (storage.connections.total, storage.memory.total)
    finally:
        await storage.close()
