"""Uploads to a bucket: the client sends to S3 itself, and the gateway examines what arrived."""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from typing import Any

import pytest

from gateway.catalog import Owner
from gateway.protocol.ids import decode_id
from tests.gateway_process import Gateway
from tests.s3.processes import S3Server
from tests.s3_gateway.s3_site import gateway_over
from tests.uploads.client import Client, open_client
from tests.uploads.conftest import MAX_FILE_BYTES, SETTINGS, Content
from tests.uploads.test_tus import create
from tests.uploads.waiting import PATIENCE_SECONDS
from tests.uploads.wav import make_wav


@pytest.fixture(scope="module")
def site(s3_server: S3Server, postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with gateway_over(s3_server, postgres, tmp_path_factory.mktemp("s3-uploads"), SETTINGS) as gateway:
        yield gateway


@pytest.fixture
async def client(site: Gateway) -> AsyncGenerator[Client, None]:
    async with open_client(site.base_url, site.key) as opened:
        yield opened


async def keys_in_bucket(site: Gateway) -> set[str]:
    adapter = next(iter(site.backends.storages.values())).adapter

    async def listed() -> set[str]:
        return {each.key async for each in adapter.list("uploads/")}  # type: ignore[attr-defined]

    return await asyncio.to_thread(site.wait, listed())


async def test_a_file_goes_to_the_bucket_and_plays_by_range(
    site: Gateway, s3_server: S3Server, client: Client, content: Content
) -> None:
    body, recording = content("moov-last.m4a"), await client.new_recording()
    promised = await client.promise(recording, content_type="audio/mp4", file_size_bytes=len(body))
    assert promised["upload_url"].startswith(s3_server.endpoint_url)
    assert promised["headers"] == {"Content-Type": "audio/mp4", "If-None-Match": "*"}
    assert (await client.put(promised, body)).status == 200
    assert (await client.raw(recording, promised["media_id"])).status == 404
    completed = await client.complete(recording)
    assert completed.status == 200, completed
    (media,) = completed.json["media"]
    assert (media["mime_type"], media["file_size_bytes"], media["status"]) == ("audio/mp4", len(body), "uploaded")
    assert completed.json["duration_ms"] == pytest.approx(2000, abs=150)
    played = await client.raw(recording, media["id"], "bytes=100-299")
    assert (played.status, played.body) == (206, body[100:300])


async def test_a_file_that_is_too_long_to_be_counted_has_the_length_of_its_header(
    site: Gateway, client: Client
) -> None:
    body, recording = make_wav(80 * 1024 * 1024), await client.new_recording()
    promised = await client.promise(recording)
    assert (await client.put(promised, in_chunks(body), {"Content-Length": str(len(body))})).status == 200
    completed = await client.complete(recording)
    assert completed.status == 200, completed
    assert completed.json["duration_ms"] == pytest.approx((len(body) - 44) / 96, abs=1)


async def test_an_object_larger_than_any_file_may_be_is_refused_and_deleted(site: Gateway, client: Client) -> None:
    body, recording = make_wav(MAX_FILE_BYTES + 2), await client.new_recording()
    promised = await client.promise(recording)
    assert (await client.put(promised, in_chunks(body), {"Content-Length": str(len(body))})).status == 200
    completed = await client.complete(recording)
    assert completed.status == 400
    assert completed.json["error"]["details"][0]["field"] == f"{promised['media_id']}.file_size_bytes"
    assert f"uploads/{site.user_id}/{decode_id('med', promised['media_id'])}" not in await keys_in_bucket(site)
    small = make_wav(100_000)
    assert (await client.put(promised, small)).status == 200
    assert (await client.complete(recording)).status == 200


async def in_chunks(body: bytes) -> AsyncGenerator[bytes, None]:
    for start in range(0, len(body), 1 << 20):
        yield body[start : start + (1 << 20)]


@pytest.mark.parametrize(
    ("promise", "sent", "field"),
    [
        pytest.param({}, None, "upload_url", id="nothing-came"),
        pytest.param({"file_size_bytes": 17}, "sound.mp3", "upload_url", id="another-size"),
        pytest.param({}, "still.png", "type", id="a-picture-for-sound"),
    ],
)
async def test_a_file_that_is_not_as_promised_is_refused(
    client: Client, content: Content, promise: dict[str, Any], sent: str | None, field: str
) -> None:
    recording = await client.new_recording()
    promised = await client.promise(recording, **promise)
    if sent:
        # The bucket itself refuses another size than the promised one: the length is signed.
        assert (await client.put(promised, content(sent))).status == (403 if promise else 200)
    completed = await client.complete(recording)
    assert completed.status == 400
    (fault,) = completed.json["error"]["details"]
    assert fault["field"] == f"{promised['media_id']}.{field}"


async def test_the_objects_deletion_waits_until_the_url_can_no_longer_bring_it_back(
    site: Gateway, client: Client, content: Content
) -> None:
    recording = await client.new_recording()
    promised = await client.promise(recording)
    await client.put(promised, content("sound.mp3"))
    key = f"uploads/{site.user_id}/{decode_id('med', promised['media_id'])}"
    await client.succeed("DELETE", f"/v1/recordings/{recording}", status=204)
    assert (await client.raw(recording, promised["media_id"])).status == 404
    assert await asyncio.to_thread(site.wait, site.backends.deletions.claim_deletions(limit=9, lease_seconds=1)) == ()
    assert key in await keys_in_bucket(site)
    assert (await client.put(promised, content("sound.wav"))).status == 412  # until the first one was deleted
    assert await asyncio.to_thread(site.wait, site.backends.deletions.count_deletions()) > 0


async def test_a_deleted_recordings_object_leaves_the_bucket(site: Gateway, client: Client, content: Content) -> None:
    recording, media = await client.upload(content("sound.mp3"))
    key = f"uploads/{site.user_id}/{decode_id('med', media)}"
    assert (await client.raw(recording, media)).status == 200
    assert key in await keys_in_bucket(site)
    await client.succeed("DELETE", f"/v1/recordings/{recording}", status=204)
    await site.execute(f"UPDATE object_deletions SET due_at = now() WHERE object_key = '{key}'")  # noqa: S608 - ours
    async with asyncio.timeout(PATIENCE_SECONDS):
        while key in await keys_in_bucket(site):
            pass


async def test_pieces_are_refused_where_the_storage_takes_none(site: Gateway, client: Client) -> None:
    response = await create(client, 1000)
    assert (response.status, response.json["error"]["code"]) == (409, "resource_already_exists")
    owned = await asyncio.to_thread(
        site.wait, site.backends.catalog.list_recordings(Owner(site.user_id), limit=1, offset=0)
    )
    assert owned[0].media_files == ()
