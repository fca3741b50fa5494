"""What meeting bots send: whole files and chunks, with a key or the shared secret, and how they repeat themselves."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
from multidict import CIMultiDict

from gateway.protocol.ids import encode_id
from tests.gateway_process import Gateway
from tests.uploads.client import Client, Response
from tests.uploads.conftest import SETTINGS, Content
from tests.uploads.test_uploading import drafts

PATH = "/internal/recordings/upload"
SECRET = SETTINGS["SEEKGATE_UPLOADS__INTERNAL_SECRET"]


async def send(
    client: Client, file: bytes | None, fields: Mapping[str, Any], *, key: str | None = None, **declared: Any
) -> Response:
    """One form: `declared` is sent in its metadata, `fields` as fields."""
    form = aiohttp.MultipartWriter("form-data")
    for name, value in ({"metadata": json.dumps(declared)} if declared else {}).items() | dict(fields).items():
        form.append(str(value)).set_content_disposition("form-data", name=name)
    if file is not None:
        form.append(file, {"Content-Type": "audio/webm"}).set_content_disposition(
            "form-data", name="file", filename="../../chunk.webm"
        )
    headers = {"Authorization": f"Bearer {SECRET if key is None else key}", **form.headers}
    return await client.ask("POST", PATH, form, headers=headers)  # type: ignore[arg-type]


def chunks_of(content: bytes, count: int) -> list[bytes]:
    size = len(content) // count + 1
    return [content[start : start + size] for start in range(0, len(content), size)]


async def recording_of(client: Client, receipt: Any) -> Any:
    response = await client.call("GET", f"/recordings/{receipt['recording_id']}")
    assert response.status == 200
    return response.json


async def test_the_secret_beside_another_bearer_token_gets_401(site: Gateway, client: Client) -> None:
    both = [("Authorization", f"Bearer {each}") for each in (SECRET, site.key)]
    for headers in (both, both[::-1]):
        assert (await client.ask("POST", PATH, b"", headers=CIMultiDict(headers))).status == 401


async def test_a_whole_file_is_a_completed_recording_that_plays_in_both_dialects(
    client: Client, content: Content
) -> None:
    session, body = str(uuid4()), content("sound.webm")
    receipt = await send(client, body, {}, session_uid=session, media_type="audio", format="webm")
    assert receipt.status == 200, receipt
    shown = await recording_of(client, receipt.json)
    assert (shown["session_uid"], shown["source"], shown["status"]) == (session, "bot", "completed")
    assert shown["completed_at"] is not None
    (media,) = shown["media_files"]
    assert (media["id"], media["format"], media["file_size_bytes"]) == (
        receipt.json["media_file_id"],
        "webm",
        len(body),
    )
    played = await client.raw(encode_id("rec", shown["id"]), encode_id("med", media["id"]), "bytes=5-99")
    assert (played.status, played.body) == (206, body[5:100])
    other = await client.succeed("GET", f"/v1/recordings/{encode_id('rec', shown['id'])}")
    assert other["status"] == "completed"


@pytest.mark.parametrize("flat", [True, False], ids=["flat-fields", "metadata"])
async def test_chunks_become_one_file_with_the_last(client: Client, content: Content, *, flat: bool) -> None:
    session, body = str(uuid4()), content("sound.webm")
    pieces = [*chunks_of(body, 5), b""]
    for number, piece in enumerate(pieces):
        about: dict[str, Any] = {"session_uid": session, "chunk_seq": number, "is_final": number == len(pieces) - 1}
        receipt = await send(client, piece, about) if flat else await send(client, piece, {}, **about)
        assert receipt.status == 200, receipt
        shown = await recording_of(client, receipt.json)
        assert shown["status"] == ("completed" if about["is_final"] else "in_progress")
    raw = await client.raw(
        encode_id("rec", receipt.json["recording_id"]), encode_id("med", receipt.json["media_file_id"])
    )
    assert raw.body == body


async def test_sound_and_picture_of_a_session_are_two_files_of_one_recording(client: Client, content: Content) -> None:
    session = str(uuid4())
    sound, film = chunks_of(content("sound.webm"), 2), chunks_of(content("moving.mp4"), 2)
    order = [("audio", 0), ("video", 0), ("audio", 1), ("video", 1)]
    for type, number in order:
        piece = (sound if type == "audio" else film)[number]
        about: dict[str, Any] = {
            "session_uid": session,
            "media_type": type,
            "chunk_seq": number,
            "is_final": number == 1,
        }
        receipt = await send(client, piece, {}, **about)
        assert receipt.status == 200, receipt
    shown = await recording_of(client, receipt.json)
    assert sorted((media["type"], media["file_size_bytes"]) for media in shown["media_files"]) == [
        ("audio", len(content("sound.webm"))),
        ("video", len(content("moving.mp4"))),
    ]


async def test_a_chunk_that_is_sent_again_counts_once(client: Client, content: Content) -> None:
    session, body = str(uuid4()), content("sound.webm")
    pieces = chunks_of(body, 4)
    for number in (0, 0, 1, 0, 1, 2, 3, 3, 2):
        about: dict[str, Any] = {"session_uid": session, "chunk_seq": number, "is_final": number == 3}
        receipt = await send(client, pieces[number], {}, **about)
        assert receipt.status == 200, receipt
    (media,) = (await recording_of(client, receipt.json))["media_files"]
    assert media["file_size_bytes"] == len(body)


async def test_simultaneous_first_chunks_make_one_recording(client: Client, content: Content) -> None:
    session, piece = str(uuid4()), chunks_of(content("sound.webm"), 2)[0]
    responses = await asyncio.gather(*(send(client, piece, {}, session_uid=session, is_final=False) for _ in range(6)))
    assert {response.status for response in responses} <= {200, 503}
    done = [response.json for response in responses if response.status == 200]
    assert len({(each["recording_id"], each["media_file_id"]) for each in done}) == 1


async def test_a_file_that_cannot_be_read_is_refused_with_the_reason(client: Client) -> None:
    response = await send(client, b"no sound at all" * 100, {}, session_uid=str(uuid4()))
    assert response.status == 422
    (fault,) = response.json["detail"]
    assert "cannot be read" in fault["msg"]


@pytest.mark.parametrize(
    ("key", "status"),
    [
        pytest.param("", 401, id="none"),
        pytest.param("another secret", 401, id="another"),
        pytest.param(SECRET[:-1], 401, id="nearly"),
        pytest.param("read_only_key", 403, id="without-the-scope"),
        pytest.param("write_only_key", 200, id="a-key"),
    ],
)
async def test_a_key_or_the_secret_is_needed(
    site: Gateway, client: Client, content: Content, key: str, status: int
) -> None:
    response = await send(client, content("sound.webm"), {}, key=getattr(site, key, key), session_uid=str(uuid4()))
    assert response.status == status
    assert SECRET not in site.log_text()


async def test_sessions_of_different_owners_are_different(site: Gateway, client: Client, content: Content) -> None:
    session = str(uuid4())
    mine = await send(client, content("sound.webm"), {}, session_uid=session)
    theirs = await send(client, content("sound.webm"), {}, key=site.other_key, session_uid=session)
    assert mine.json["recording_id"] != theirs.json["recording_id"]
    assert (await client.call("GET", f"/recordings/{theirs.json['recording_id']}")).status == 404


@pytest.mark.parametrize(
    ("file", "fields", "declared"),
    [
        pytest.param(b"x", {}, {}, id="no-session"),
        pytest.param(b"x", {"session_uid": ""}, {}, id="empty-session"),
        pytest.param(b"x", {"session_uid": "x" * 256}, {}, id="long-session"),
        pytest.param(b"x", {"session_uid": "s", "chunk_seq": "-1"}, {}, id="negative-chunk"),
        pytest.param(b"x", {}, {"session_uid": "s", "chunk_seq": True}, id="chunk-is-a-boolean"),
        pytest.param(b"x", {}, {"session_uid": "s", "chunk_seq": 2**63}, id="chunk-of-64-bits"),
        pytest.param(b"x", {}, {"session_uid": "s", "chunk_seq": "first"}, id="chunk-is-a-word"),
        pytest.param(b"x", {"session_uid": "s", "media_type": "text"}, {}, id="another-type"),
        pytest.param(b"x", {"session_uid": "s", "metadata": "{"}, {}, id="no-json"),
        pytest.param(b"x", {"session_uid": "s", "metadata": "[]"}, {}, id="no-object"),
        pytest.param(b"x", {"session_uid": "s", "metadata": "x" * 70_000}, {}, id="long-field"),
        pytest.param(None, {"session_uid": "s"}, {}, id="no-file"),
        pytest.param(b"x", {f"field{number}": "x" for number in range(40)}, {}, id="many-fields"),
        pytest.param(b"x", {}, {"session_uid": 7}, id="session-is-a-number"),
        pytest.param(b"x", {}, {"session_uid": "n\0l"}, id="session-has-a-nul"),
    ],
)
async def test_a_bad_form_is_refused(
    site: Gateway, client: Client, file: bytes | None, fields: dict[str, str], declared: dict[str, Any]
) -> None:
    response = await send(client, file, fields, **declared)
    assert response.status == 422, response
    assert isinstance(response.json["detail"], list)
    assert drafts(site) == []


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b"{}"),
        ("multipart/form-data", b"--x\r\n"),
        ("multipart/form-data; boundary=x", b""),
        ("multipart/form-data; boundary=x", b"no boundary at all"),
        ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\nx'),
        ("multipart/mixed; boundary=x", b"--x\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n--y--\r\n--x--"),
    ],
)
async def test_a_body_that_is_not_a_form_is_refused(
    site: Gateway, client: Client, content_type: str, body: bytes
) -> None:
    headers = {"Authorization": f"Bearer {SECRET}", "Content-Type": content_type}
    assert (await client.ask("POST", PATH, body, headers=headers)).status == 422
    assert "Traceback" not in site.log_text()
