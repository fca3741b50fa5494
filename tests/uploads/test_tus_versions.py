"""The version in every response of the tus routes: of refusals too, and then also which versions are spoken."""

import base64
from collections.abc import Mapping

import pytest

from tests.uploads.client import Client, Response
from tests.uploads.conftest import MAX_FILE_BYTES
from tests.uploads.test_tus import TUS, create, encoded


@pytest.mark.parametrize(
    ("method", "path", "fields", "status"),
    [
        pytest.param("POST", "/v1/uploads/tus", {}, 401, id="no-key"),
        pytest.param("HEAD", "/v1/uploads/up_x", TUS, 403, id="a-forged-token"),
        pytest.param("PATCH", None, TUS, 400, id="no-offset"),
        pytest.param("PATCH", None, {**TUS, "Upload-Offset": "7"}, 409, id="another-offset"),
        pytest.param("DELETE", None, {"Tus-Resumable": "0.2.2"}, 412, id="another-version"),
        pytest.param("HEAD", None, {}, 412, id="no-version"),
    ],
)
async def test_a_refusal_names_the_version(
    client: Client, method: str, path: str | None, fields: Mapping[str, str], status: int
) -> None:
    where = path or (await create(client, 1000)).headers["Location"]
    response = await client.ask(method, where, headers=fields)
    assert (response.status, response.headers["Tus-Resumable"]) == (status, "1.0.0")
    assert response.headers.get("Tus-Version") == ("1.0.0" if status == 412 else None)


@pytest.mark.parametrize("path", ["/v1/uploads/tus", None])
async def test_options_say_what_the_server_can_do(client: Client, path: str | None) -> None:
    where = path or (await create(client, 1000)).headers["Location"]
    response = await client.ask("OPTIONS", where)
    assert response.status == 204
    assert {
        name: response.headers.get(name) for name in ("Tus-Resumable", "Tus-Version", "Tus-Extension", "Tus-Max-Size")
    } == {
        "Tus-Resumable": None,
        "Tus-Version": "1.0.0",
        "Tus-Extension": "creation,checksum,expiration,termination",
        "Tus-Max-Size": str(MAX_FILE_BYTES),
    }
    assert response.headers["Tus-Checksum-Algorithm"] == "md5,sha1,sha256"
    assert {"OPTIONS", "POST"} <= set(response.headers["Allow"].split(", "))


@pytest.mark.parametrize("concat", ["partial", "final;/v1/uploads/up_a /v1/uploads/up_b"])
async def test_a_part_of_a_file_does_not_become_a_file_of_its_own(client: Client, concat: str) -> None:
    recording = await client.new_recording()
    metadata = encoded({"recording_id": recording, "type": "audio"})
    fields = {**TUS, "Upload-Length": "9", "Upload-Metadata": metadata, "Upload-Concat": concat}
    fields["Authorization"] = f"Bearer {client.key}"
    response = await client.ask("POST", "/v1/uploads/tus", headers=fields)
    assert (response.status, response.json["error"]["details"][0]["field"]) == (400, "Upload-Concat")
    assert (await client.ask("GET", f"/v1/recordings/{recording}", headers=fields)).json["media"] == []


async def test_a_method_can_be_named_in_a_field(client: Client) -> None:
    body = bytes(1000)
    where = (await create(client, len(body))).headers["Location"]

    async def post(method: str, data: bytes | None = None, **fields: str) -> Response:
        return await client.ask("POST", where, data, headers={**TUS, "X-HTTP-Method-Override": method, **fields})

    appended = await post(
        "PATCH", body[:600], **{"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    )
    assert (appended.status, appended.headers["Upload-Offset"]) == (204, "600")
    assert (await post("HEAD")).headers["Upload-Offset"] == "600"
    assert (await post("DELETE")).status == 204
    assert (await post("HEAD")).status == 404
    refused = await post("PUT")
    assert (refused.status, refused.headers["Tus-Resumable"]) == (405, "1.0.0")


async def test_unused_metadata_do_not_refuse_an_upload(client: Client) -> None:
    recording = base64.b64encode((await client.new_recording()).encode()).decode()
    metadata = f"recording_id {recording},type YXVkaW8=,filetype bm9uc2Vuc2U=,filename not*base64,"
    headers = {**TUS, "Authorization": f"Bearer {client.key}", "Upload-Length": "10", "Upload-Metadata": metadata}
    assert (await client.ask("POST", "/v1/uploads/tus", headers=headers)).status == 201
