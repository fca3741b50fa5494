"""Large files to a bucket: in parts, in any order, again where one broke, joined when the upload is completed."""

import asyncio
import io
from collections.abc import AsyncGenerator, Iterator
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

from tests.gateway_process import Gateway
from tests.s3.buckets import s3_client
from tests.s3.processes import S3Server
from tests.s3_gateway.s3_site import gateway_over
from tests.uploads.client import Client, open_client
from tests.uploads.conftest import SETTINGS
from tests.uploads.test_repeats import ask
from tests.uploads.waiting import PATIENCE_SECONDS
from tests.uploads.wav import make_wav

MIB: Final = 1024 * 1024
PART: Final = 5 * MIB
FILE: Final = make_wav(11 * MIB)


@pytest.fixture(scope="module")
def site(s3_server: S3Server, postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("s3-parts")
    with gateway_over(s3_server, postgres, folder, SETTINGS, upload_part_bytes=PART) as gateway:
        yield gateway


@pytest.fixture
async def client(site: Gateway) -> AsyncGenerator[Client, None]:
    async with open_client(site.base_url, site.key) as opened:
        yield opened


async def send(client: Client, part: Any, content: bytes = FILE, status: int = 200) -> None:
    piece = content[part["offset"] : part["offset"] + part["size_bytes"]]
    assert (await client.ask("PUT", part["upload_url"], io.BytesIO(piece))).status == status


async def test_parts_in_any_order_become_the_file(client: Client) -> None:
    recording = await client.new_recording()
    promised = await client.promise(recording, content_type="audio/wav", file_size_bytes=len(FILE))
    assert [(part["number"], part["offset"], part["size_bytes"]) for part in promised["parts"]] == [
        (1, 0, PART),
        (2, PART, PART),
        (3, 2 * PART, len(FILE) - 2 * PART),
    ]
    await asyncio.gather(*(send(client, part) for part in reversed(promised["parts"])))
    assert (await client.raw(recording, promised["media_id"])).status == 404
    completed = await client.complete(recording)
    assert completed.status == 200, completed
    assert completed.json["media"][0]["file_size_bytes"] == len(FILE)
    assert (await client.raw(recording, promised["media_id"])).body == FILE
    assert (await client.complete(recording)).json == completed.json


async def test_a_broken_upload_goes_on_where_it_was(client: Client) -> None:
    recording = await client.new_recording()
    first = await ask(client, recording, "broken", file_size_bytes=len(FILE))
    await send(client, first.json["parts"][1])
    refused = await client.complete(recording)
    assert refused.status == 400
    assert refused.json["error"]["details"][0]["message"] == "It was not uploaded"
    again = await ask(client, recording, "broken", file_size_bytes=len(FILE))
    assert again.json["media_id"] == first.json["media_id"]
    assert [part["uploaded"] for part in again.json["parts"]] == [False, True, False]
    for part in again.json["parts"]:
        if not part["uploaded"]:
            await send(client, part)
    assert (await client.complete(recording)).status == 200
    assert (await client.raw(recording, first.json["media_id"])).body == FILE


async def test_parts_of_other_sizes_are_not_the_file(client: Client) -> None:
    recording = await client.new_recording()
    promised = await client.promise(recording, file_size_bytes=len(FILE))
    first, second, third = promised["parts"]
    await send(client, first)
    await send(client, {**second, "size_bytes": PART - 1}, status=403)
    longer = {**third, "offset": third["offset"] - 1, "size_bytes": third["size_bytes"] + 1}
    await send(client, longer, status=403)
    assert (await client.complete(recording)).status == 400
    await asyncio.gather(send(client, second), send(client, third))
    assert (await client.complete(recording)).status == 200


async def test_one_put_serves_as_well(client: Client) -> None:
    recording = await client.new_recording()
    promised = await client.promise(recording, file_size_bytes=len(FILE))
    await send(client, promised["parts"][0])
    assert (await client.put(promised, io.BytesIO(FILE))).status == 200
    assert (await client.complete(recording)).status == 200
    assert (await client.raw(recording, promised["media_id"])).body == FILE


@pytest.mark.parametrize("size", [None, PART], ids=["an unknown size", "one part's size"])
async def test_a_small_file_has_no_parts(client: Client, size: int | None) -> None:
    promised = await client.promise(await client.new_recording(), file_size_bytes=size)
    assert set(promised) == {"media_id", "upload_url", "expires_at", "headers"}


@pytest.fixture(scope="module")
def brief_site(s3_server: S3Server, postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """One that gives uploads up soon."""
    # S3 itself remembers when parts were begun, so this time has to pass; a part must be sent within it.
    brief = {"SEEKGATE_UPLOADS__URL_EXPIRES_IN_SECONDS": "12", "SEEKGATE_UPLOADS__ABANDONED_AFTER_SECONDS": "12"}
    folder = tmp_path_factory.mktemp("s3-brief-parts")
    with gateway_over(s3_server, postgres, folder, {**SETTINGS, **brief}, upload_part_bytes=PART) as gateway:
        yield gateway


async def test_parts_that_are_never_joined_are_removed(s3_server: S3Server, brief_site: Gateway) -> None:
    async with open_client(brief_site.base_url, brief_site.key) as client:
        promised = await client.promise(await client.new_recording(), file_size_bytes=len(FILE))
        await send(client, promised["parts"][0])
    bucket = urlsplit(promised["upload_url"]).path.split("/")[1]
    async with s3_client(s3_server) as s3, asyncio.timeout(PATIENCE_SECONDS):
        while "Uploads" in await s3.list_multipart_uploads(Bucket=bucket):  # noqa: ASYNC110 - nothing here hears of it
            await asyncio.sleep(0.2)
