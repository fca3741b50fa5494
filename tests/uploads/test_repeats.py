"""Idempotency-Key on upload-url: the same request again gets the same media file, and a URL that takes it."""

import asyncio
from typing import Any

import pytest

from gateway.assembly.upload_service import build_uploads
from gateway.catalog import IdempotencyKey, MediaFile, NewRecording, NewUpload, Owner
from gateway.errors import Conflict
from gateway.settings.load import load
from tests.gateway_process import Gateway
from tests.uploads.client import Client, Response
from tests.uploads.conftest import Content


async def ask(client: Client, recording: str, key: str, **promise: Any) -> Response:
    headers = {"Authorization": f"Bearer {client.key}", "Idempotency-Key": key}
    body = {"type": "audio", **promise}
    return await client.ask("POST", f"/v1/recordings/{recording}/upload-url", json=body, headers=headers)


async def media_of(client: Client, recording: str) -> list[str]:
    return [media["id"] for media in (await client.succeed("GET", f"/v1/recordings/{recording}"))["media"]]


async def test_the_same_request_again_gets_the_same_file_and_a_url_that_takes_it(
    client: Client, content: Content
) -> None:
    recording = await client.new_recording()
    first, second = [await ask(client, recording, "again") for _ in range(2)]
    assert first.status == second.status == 200
    assert first.json["media_id"] == second.json["media_id"]
    assert await media_of(client, recording) == [first.json["media_id"]]
    assert (await client.put(second.json, content("sound.mp3"))).status == 200
    assert (await client.complete(recording)).status == 200


async def test_one_of_many_simultaneous_requests_adds_the_file(client: Client) -> None:
    recording = await client.new_recording()
    responses = await asyncio.gather(*(ask(client, recording, "simultaneous") for _ in range(8)))
    assert [response.status for response in responses] == [200] * 8
    assert await media_of(client, recording) == [responses[0].json["media_id"]]


async def test_another_request_with_the_key_is_a_conflict(client: Client) -> None:
    recording = await client.new_recording()
    assert (await ask(client, recording, "other")).status == 200
    for refused in (
        await ask(client, recording, "other", file_size_bytes=5),
        await ask(client, await client.new_recording(), "other"),
    ):
        assert (refused.status, refused.json["error"]["code"]) == (409, "resource_already_exists")
        assert refused.json["error"]["details"][0]["field"] == "Idempotency-Key"


async def test_no_url_is_made_for_a_file_that_is_completed(client: Client, content: Content) -> None:
    recording = await client.new_recording()
    promised = await ask(client, recording, "completed")
    assert (await client.put(promised.json, content("sound.mp3"))).status == 200
    assert (await client.complete(recording)).status == 200
    assert (await ask(client, recording, "completed")).status == 409


async def test_a_refused_request_does_not_use_up_its_key(client: Client) -> None:
    recording = await client.new_recording()
    assert (await ask(client, recording, "refused", file_size_bytes=0)).status == 400
    assert (await ask(client, recording, "refused", file_size_bytes=1)).status == 200


async def test_a_file_of_a_former_default_storage_backend_gets_no_new_url(site: Gateway) -> None:
    owner = Owner(site.user_id)
    uploads = build_uploads(load(None, {}), site.backends)
    created = await asyncio.to_thread(site.wait, site.backends.recordings.create_recording(owner, NewRecording()))
    key = IdempotencyKey("moved", bytes(32))

    def promise(storage: str) -> MediaFile:
        return site.wait(uploads.promise(owner, created.id, NewUpload("audio", storage), key))

    assert (await asyncio.to_thread(promise, "local")).storage == "local"
    with pytest.raises(Conflict):
        await asyncio.to_thread(promise, "elsewhere")
