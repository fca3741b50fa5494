"""Deleting over S3: the rows are deleted immediately, the objects through the queue, in batches."""

import asyncio
from collections.abc import Iterator

import pytest

from storage_adapters.base import Listable
from tests.conformance.calling import call, fetch
from tests.conformance.media import Media
from tests.conformance.objects import add, noise
from tests.conformance.raw_http import compose, connect
from tests.gateway_process import Gateway, running_gateway
from tests.s3.buckets import make_bucket, s3_client
from tests.s3.processes import S3Server
from tests.s3_gateway.broken import ProxyThread, proxy_before, remove
from tests.s3_gateway.s3_site import only_s3

PATIENCE_SECONDS = 120


@pytest.fixture(scope="module")
def thread(s3_server: S3Server) -> Iterator[ProxyThread]:
    with proxy_before(s3_server) as opened:
        yield opened


@pytest.fixture(scope="module")
def bucket(s3_server: S3Server) -> str:
    return asyncio.run(make_bucket(s3_server))


@pytest.fixture(scope="module")
def site(
    thread: ProxyThread, bucket: str, postgres: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    often = {"SEEKGATE_DELETIONS__POLL_SECONDS": "0.05", "SEEKGATE_DELETIONS__BACKOFF_INITIAL_SECONDS": "0.05"}
    folder = tmp_path_factory.mktemp("s3-deleting")
    with running_gateway(postgres, folder, often | only_s3(thread.proxy.server, bucket)) as gateway:
        yield gateway


async def delete(site: Gateway, media: Media) -> None:
    await fetch(site, f"/recordings/{media.recording_id}", method="DELETE")


async def until_drained(site: Gateway) -> list[str]:
    """The keys that are left in the bucket once the queue is empty."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await asyncio.to_thread(lambda: site.wait(site.backends.deletions.count_deletions())):
            pass  # each look is a statement: the queue's own pace
    return await asyncio.to_thread(lambda: site.wait(keys(site)))


async def keys(site: Gateway) -> list[str]:
    (storage,) = site.backends.storages.values()
    assert isinstance(storage.adapter, Listable)
    return [listed.key async for listed in storage.adapter.list("")]


async def test_deleted_recordings_leave_the_bucket_and_the_others_stay(site: Gateway) -> None:
    doomed = [await asyncio.to_thread(add, site, f"doomed-{n}", noise(n, 1000)) for n in range(5)]
    kept = await asyncio.to_thread(add, site, "kept", noise(9, 1000))
    for media in doomed:
        await delete(site, media)
    assert await until_drained(site) == ["kept.mp3"]
    assert (await call(site, kept.target, key=site.key)).body == kept.content


async def test_an_object_that_is_missing_already_leaves_the_queue(site: Gateway) -> None:
    media = await asyncio.to_thread(add, site, "missing", b"not for long")
    await asyncio.to_thread(remove, site, media)
    await delete(site, media)
    assert "missing.mp3" not in await until_drained(site)


async def test_while_s3_is_away_nothing_fails_and_nothing_is_forgotten(site: Gateway, thread: ProxyThread) -> None:
    media = await asyncio.to_thread(add, site, "stubborn", b"soon gone")
    with thread.unreachable():
        await delete(site, media)
        assert await asyncio.to_thread(lambda: site.wait(site.backends.deletions.count_deletions())) == 1
    assert "stubborn.mp3" not in await until_drained(site)


async def test_a_stream_that_has_begun_is_cut_when_its_object_is_deleted(site: Gateway) -> None:
    # S3 keeps no object open: what is promised and not yet read was deleted, and the connection is cut.
    media = await asyncio.to_thread(add, site, "read-while-deleted", noise(7, 16 * 1024 * 1024))
    async with connect(site.host, site.port) as connection:
        await connection.send(compose("GET", media.target, [("X-API-Key", site.key)], host=site.authority))
        head = await connection.read_head()
        await delete(site, media)
        await until_drained(site)
        received = bytearray()
        while chunk := await connection.read_some(65_536):
            received += chunk
    assert len(received) < head.promised_bytes("GET")
    assert media.content.startswith(bytes(received))


async def test_in_a_versioned_bucket_the_object_is_hidden_and_its_versions_stay(
    site: Gateway, s3_server: S3Server, bucket: str
) -> None:
    async with s3_client(s3_server) as client:
        await client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        media = await asyncio.to_thread(add, site, "versioned", b"kept under its version")
        await delete(site, media)
        assert "versioned.mp3" not in await until_drained(site)
        listed = await client.list_object_versions(Bucket=bucket, Prefix="versioned")
    assert [version["Key"] for version in listed["Versions"]] == ["versioned.mp3"]
