"""Resumable uploads (tus 1.0.0): by the protocol's own Python client, and field by field."""

import asyncio
import base64
import hashlib
import io
from collections.abc import Mapping
from random import Random
from typing import Any

import aiohttp
import pytest
from tusclient.client import TusClient

from tests.gateway_process import Gateway
from tests.uploads.client import Client, Response
from tests.uploads.conftest import MAX_FILE_BYTES, Content
from tests.uploads.cutting import cutter
from tests.uploads.test_uploading import root_of, unfinished
from tests.uploads.waiting import wait_until
from tests.uploads.wav import make_wav

TUS = {"Tus-Resumable": "1.0.0"}
PATCH = {**TUS, "Content-Type": "application/offset+octet-stream"}


def encoded(metadata: Mapping[str, str]) -> str:
    return ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in metadata.items())


async def create(client: Client, size: int, recording: str | None = None, **metadata: str) -> Response:
    fields = {"recording_id": recording or await client.new_recording(), "type": "audio", **metadata}
    headers = {
        **TUS,
        "Authorization": f"Bearer {client.key}",
        "Upload-Length": str(size),
        "Upload-Metadata": encoded(fields),
    }
    return await client.ask("POST", "/v1/uploads/tus", headers=headers)


async def append(client: Client, url: str, offset: int, piece: bytes, **more: str) -> Response:
    return await client.ask("PATCH", url, io.BytesIO(piece), headers={**PATCH, "Upload-Offset": str(offset), **more})


async def offset(client: Client, url: str) -> int:
    response = await client.ask("HEAD", url, headers=TUS)
    assert response.status == 200, response
    return int(response.headers["Upload-Offset"])


async def test_a_file_that_is_cut_ten_times_arrives_whole(site: Gateway, client: Client) -> None:
    content = make_wav(32 * 1024 * 1024)
    recording = await client.new_recording()
    async with cutter(site.port, [3 * 1024 * 1024 - 777 * cut for cut in range(10)]) as (cuts, port):
        url = f"http://127.0.0.1:{port}/v1/uploads/tus"
        await asyncio.to_thread(send, url, client.key, recording, content)
    assert cuts.cuts == 10
    completed = await client.complete(recording)
    assert completed.status == 200, completed
    (media,) = completed.json["media"]
    assert (media["file_size_bytes"], media["mime_type"]) == (len(content), "audio/wav")
    played = await client.raw(recording, media["id"])
    assert hashlib.sha256(played.body).digest() == hashlib.sha256(content).digest()


def send(url: str, key: str, recording: str, content: bytes) -> None:
    """As tuspy's own manual says; only the network is bad."""
    uploader = TusClient(url, headers={"Authorization": f"Bearer {key}"}).uploader(
        file_stream=io.BytesIO(content),
        metadata={"recording_id": recording, "type": "audio", "filename": "long.wav"},
        retries=100,
        retry_delay=0.1,  # passed to time.sleep; the request that was cut may still hold the file (423)
        chunk_size=16 * 1024 * 1024,
    )
    uploader.upload()


async def test_a_file_uploaded_in_random_pieces_over_random_cuts_arrives_exactly(
    client: Client, site: Gateway, content: Content
) -> None:
    chance, body = Random(7), content("sound.wav")
    for _ in range(5):
        recording = await client.new_recording()
        url = (await create(client, len(body), recording)).headers["Location"]
        kept = 0
        while kept < len(body):
            kept += chance.randrange(1, len(body) // 2)
            response = await append(client, url, await offset(client, url), body[await offset(client, url) : kept])
            assert response.status == 204
        assert (await client.complete(recording)).status == 200


async def test_creation_says_where_and_until_when(client: Client) -> None:
    response = await create(client, 1000)
    assert response.status == 201
    assert response.headers["Tus-Resumable"] == "1.0.0"
    assert response.headers["Upload-Expires"].endswith("GMT")
    head = await client.ask("HEAD", response.headers["Location"], headers=TUS)
    assert (head.headers["Upload-Offset"], head.headers["Upload-Length"]) == ("0", "1000")
    assert head.headers["Cache-Control"] == "no-store"


async def test_the_offset_is_the_next_byte_and_no_other_is_taken(client: Client, content: Content) -> None:
    body = content("sound.mp3")
    url = (await create(client, len(body))).headers["Location"]
    assert (await append(client, url, 0, body[:500])).headers["Upload-Offset"] == "500"
    for wrong in (0, 499, 501):
        response = await append(client, url, wrong, body[wrong:])
        assert response.status == 409
    assert await offset(client, url) == 500
    assert (await append(client, url, 500, body[500:])).headers["Upload-Offset"] == str(len(body))
    assert await offset(client, url) == len(body)
    assert (await append(client, url, len(body), b"")).status == 409


async def test_a_file_in_pieces_is_seen_only_when_it_is_completed(
    site: Gateway, client: Client, content: Content
) -> None:
    body, recording = content("sound.mp3"), await client.new_recording()
    url = (await create(client, len(body), recording)).headers["Location"]
    await append(client, url, 0, body[:500])
    early = await client.complete(recording)
    assert (early.status, early.json["error"]["details"][0]["message"]) == (400, "It was not uploaded")
    await append(client, url, 500, body[500:])
    (media,) = (await client.complete(recording)).json["media"]
    assert (await client.raw(recording, media["id"])).body == body
    assert (await client.ask("HEAD", url, headers=TUS)).status == 409


@pytest.mark.parametrize("algorithm", ["sha1", "md5", "sha256"])
async def test_a_damaged_piece_is_not_kept(client: Client, content: Content, algorithm: str) -> None:
    body = content("sound.mp3")
    url = (await create(client, len(body))).headers["Location"]
    declared = f"{algorithm} {base64.b64encode(hashlib.new(algorithm, body[:500]).digest()).decode()}"
    damaged = await append(client, url, 0, b"!" * 500, **{"Upload-Checksum": declared})
    assert (damaged.status, await offset(client, url)) == (460, 0)
    assert (await append(client, url, 0, body[:500], **{"Upload-Checksum": declared})).status == 204
    assert await offset(client, url) == 500


async def test_a_terminated_upload_is_deleted_with_what_arrived(
    site: Gateway, client: Client, content: Content
) -> None:
    before = unfinished(site)
    recording = await client.new_recording()
    url = (await create(client, 1000, recording)).headers["Location"]
    await append(client, url, 0, b"x" * 500)
    assert len(unfinished(site)) == len(before) + 1
    assert (await client.ask("DELETE", url, headers=TUS)).status == 204
    assert (await client.ask("HEAD", url, headers=TUS)).status == 404
    assert (await client.succeed("GET", f"/v1/recordings/{recording}"))["media"] == []
    await wait_until(lambda: unfinished(site) == before)


async def test_a_connection_that_breaks_keeps_what_arrived_and_lets_the_next_one_write(
    site: Gateway, client: Client
) -> None:
    body = make_wav(8 * 1024 * 1024)
    recording = await client.new_recording()
    url = (await create(client, len(body), recording)).headers["Location"]
    path, logged = url.removeprefix(site.base_url), len(site.process.accesses)
    async with cutter(site.port, [1_000_000]) as (cuts, port):
        with pytest.raises(aiohttp.ClientError):
            await append(client, f"http://127.0.0.1:{port}{path}", 0, body)
        assert cuts.cuts == 1
    # The broken connection's handler lets go when it ends, which is when it is logged.
    await wait_until(lambda: any('"client_closed"' in line for line in site.process.accesses[logged:]))
    kept = await offset(client, url)
    assert 0 < kept < 2_000_000
    assert (await append(client, url, kept, body[kept:])).status == 204
    assert (await client.complete(recording)).status == 200


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        pytest.param("HEAD", {}, 412, id="no-version"),
        pytest.param("HEAD", {"Tus-Resumable": "0.2.2"}, 412, id="another-version"),
        pytest.param("PATCH", {**TUS, "Upload-Offset": "0"}, 415, id="no-content-type"),
        pytest.param("PATCH", PATCH, 400, id="no-offset"),
        pytest.param("PATCH", {**PATCH, "Upload-Offset": "-1"}, 400, id="negative-offset"),
        pytest.param("PATCH", {**PATCH, "Upload-Offset": "٣"}, 400, id="offset-in-other-digits"),
        pytest.param(
            "PATCH", {**PATCH, "Upload-Offset": "0", "Upload-Checksum": "crc32 AAAA"}, 400, id="unknown-checksum"
        ),
        pytest.param(
            "PATCH", {**PATCH, "Upload-Offset": "0", "Upload-Checksum": "sha1 AAAA"}, 400, id="short-checksum"
        ),
    ],
)
async def test_a_request_against_the_protocol_is_refused_and_changes_nothing(
    client: Client, method: str, headers: dict[str, str], status: int
) -> None:
    url = (await create(client, 1000)).headers["Location"]
    assert (await client.ask(method, url, b"x" * 10 if method == "PATCH" else None, headers=headers)).status == status
    assert await offset(client, url) == 0


async def test_more_than_was_promised_is_refused(client: Client) -> None:
    url = (await create(client, 1000)).headers["Location"]
    assert (await append(client, url, 0, bytes(1001))).status == 413
    assert await offset(client, url) == 0


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        pytest.param({"Upload-Length": None}, 400, id="no-length"),
        pytest.param({"Upload-Length": "0"}, 400, id="nothing"),
        pytest.param({"Upload-Length": str(MAX_FILE_BYTES + 1)}, 413, id="too-large"),
        pytest.param({"Upload-Metadata": None}, 400, id="no-metadata"),
        pytest.param({"Upload-Metadata": "type YXVkaW8="}, 404, id="no-recording"),
        pytest.param({"Upload-Metadata": "type !"}, 400, id="no-base64"),
        pytest.param({"Upload-Metadata": "type /w=="}, 400, id="no-utf8"),
        pytest.param({"Tus-Resumable": None}, 412, id="no-version"),
        pytest.param({"Authorization": None}, 401, id="no-key"),
    ],
)
async def test_a_bad_creation_is_refused(client: Client, changes: dict[str, Any], status: int) -> None:
    headers = {
        **TUS,
        "Authorization": f"Bearer {client.key}",
        "Upload-Length": "1000",
        "Upload-Metadata": encoded({"recording_id": await client.new_recording(), "type": "audio"}),
    } | changes
    sent = {name: value for name, value in headers.items() if value is not None}
    assert (await client.ask("POST", "/v1/uploads/tus", headers=sent)).status == status


async def test_the_type_follows_from_what_browsers_call_filetype(client: Client) -> None:
    recording = await client.new_recording()
    assert (await create(client, 10, recording, type="", filetype="video/mp4", filename="../x")).status == 201
    (media,) = (await client.succeed("GET", f"/v1/recordings/{recording}"))["media"]
    assert (media["type"], media["mime_type"]) == ("video", "video/mp4")


async def test_no_client_chooses_where_a_file_is_stored(site: Gateway, client: Client, content: Content) -> None:
    await create(client, 10, filename="../../../etc/cron.d/x")
    await client.upload(content("sound.mp3"))
    names = [path.relative_to(root_of(site)).parts for path in root_of(site).rglob("uploads/**/*") if path.is_file()]
    assert all(len(parts) == 3 and parts[1].isdigit() and parts[2].isdigit() for parts in names)
