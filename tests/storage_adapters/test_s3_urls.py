"""Presigned URLs used more than once: real signatures, a clock that the test moves."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from storage_adapters.s3.sdk_requests import open_clients
from storage_adapters.s3.urls import Params, SignedUrl, SignedUrls
from storage_adapters.storage_options import S3Options

PARAMS: Params = (("Bucket", "bucket"), ("Key", "key"))


class WallClock:
    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> WallClock:
    return WallClock()


@pytest.fixture
async def urls(clock: WallClock) -> AsyncGenerator[SignedUrls, None]:
    options = S3Options(
        bucket="bucket",
        endpoint_url="http://s3.example.test",
        access_key_id="id",
        secret_access_key=SecretStr("secret"),
    )
    async with AsyncExitStack() as stack:
        clients = await open_clients(options, stack)
        yield SignedUrls(lambda: clients.direct, clients.credentials, clock, capacity=3)


async def ask(urls: SignedUrls, params: Params = PARAMS) -> SignedUrl:
    return await urls.get_object(params, expires_in_seconds=3600, reuse_seconds=900)


async def test_a_url_is_reused_until_it_is_old(urls: SignedUrls, clock: WallClock) -> None:
    first = await ask(urls)
    assert first.expires_at == clock.now + timedelta(hours=1)
    clock.now += timedelta(seconds=899)
    assert await ask(urls) is first
    clock.now += timedelta(seconds=1)
    assert await ask(urls) is not first


async def test_a_refused_url_is_not_given_again(urls: SignedUrls) -> None:
    first = await ask(urls)
    await urls.replace(first)
    second = await ask(urls)
    assert second is not first
    await urls.replace(first)  # somebody else was refused with the old one
    assert await ask(urls) is second


async def test_only_the_most_recent_urls_are_cached(urls: SignedUrls) -> None:
    others = [(*PARAMS, ("ResponseContentType", f"audio/{number}")) for number in range(3)]
    first = await ask(urls)
    second, third = [await ask(urls, params) for params in others[:2]]
    assert await ask(urls) is first
    await ask(urls, others[2])
    assert await ask(urls) is first
    assert await ask(urls, others[1]) is third
    assert await ask(urls, others[0]) is not second
