"""A file's way in: promised, sent, completed, played; and what is refused on the way."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncGenerator, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from gateway.protocol.ids import decode_id
from tests.conformance.raw_http import Connection, compose, connect
from tests.gateway_process import Gateway, running_gateway
from tests.uploads.client import Client, open_client, raw_path
from tests.uploads.conftest import ALLOWED_ORIGIN, MAX_FILE_BYTES, MAX_MEDIA, SETTINGS, Content
from tests.uploads.waiting import wait_until


def root_of(site: Gateway) -> Path:
    root = next(iter(site.backends.storages.values())).root
    assert root is not None
    return root


def drafts(site: Gateway) -> list[str]:
    """Files that are being written in one go."""
    return [name for name in unfinished(site) if not name.startswith("partial-")]


def unfinished(site: Gateway) -> list[str]:
    return sorted(path.name for path in (root_of(site) / ".seekgate-tmp").iterdir())


def md5(content: bytes) -> str:
    return base64.b64encode(hashlib.md5(content, usedforsecurity=False).digest()).decode()


def sha256(content: bytes) -> str:
    return base64.b64encode(hashlib.sha256(content).digest()).decode()


async def in_pieces(content: bytes, size: int = 1000) -> AsyncGenerator[bytes, None]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


@pytest.mark.parametrize(
    ("name", "type", "content_type", "seconds"),
    [
        ("sound.mp3", "audio", "audio/mpeg", 2),
        ("sound.wav", "audio", "audio/wav", 2),
        ("sound.webm", "audio", "audio/webm", 2),
        ("moov-last.m4a", "audio", "audio/mp4", 2),
        ("moving.mp4", "video", "video/mp4", 2),
        ("still.png", "image", "image/png", None),
    ],
)
async def test_an_uploaded_file_has_the_type_that_was_found_and_plays_by_range(
    client: Client, content: Content, name: str, type: str, content_type: str, seconds: int | None
) -> None:
    body, recording = content(name), await client.new_recording()
    promised = await client.promise(recording, type)
    assert (await client.put(promised, body)).status == 200
    completed = await client.complete(recording)
    assert completed.status == 200, completed
    (media,) = completed.json["media"]
    assert completed.json["status"] == "uploaded"
    assert (media["id"], media["status"], media["type"]) == (promised["media_id"], "uploaded", type)
    assert (media["mime_type"], media["file_size_bytes"]) == (content_type, len(body))
    assert completed.json["duration_ms"] == (pytest.approx(seconds * 1000, abs=150) if seconds else None)
    played = await client.raw(recording, media["id"], "bytes=100-299")
    assert (played.status, played.body) == (206, body[100:300])
    assert played.headers["Content-Type"] == content_type


async def test_a_file_is_readable_only_when_it_is_completed(client: Client, content: Content) -> None:
    recording = await client.new_recording()
    promised = await client.promise(recording)
    assert (await client.raw(recording, promised["media_id"])).status == 404
    assert (await client.put(promised, content("sound.mp3"))).status == 200
    assert (await client.raw(recording, promised["media_id"])).status == 404
    assert (await client.complete(recording)).status == 200
    assert (await client.raw(recording, promised["media_id"])).body == content("sound.mp3")


async def test_a_pending_file_is_shown_as_it_was_promised(client: Client) -> None:
    recording = await client.new_recording()
    await client.promise(
        recording, "video", content_type="video/mp4", file_size_bytes=5, captured_at="2026-01-02T04:04:05.25+01:00"
    )
    (media,) = (await client.succeed("GET", f"/v1/recordings/{recording}"))["media"]
    assert media | {"id": None, "created_at": None} == {
        "id": None,
        "type": "video",
        "mime_type": "video/mp4",
        "file_size_bytes": 5,
        "status": "pending",
        "captured_at": "2026-01-02T03:04:05.250000Z",
        "created_at": None,
    }


async def test_the_etag_of_the_put_is_the_etag_of_the_bytes(client: Client, content: Content) -> None:
    recording = await client.new_recording()
    promised = await client.promise(recording)
    put = await client.put(promised, content("sound.mp3"))
    await client.complete(recording)
    assert (await client.raw(recording, promised["media_id"])).headers["ETag"] == put.headers["ETag"]


async def test_a_body_of_unknown_length_arrives_whole(client: Client, content: Content) -> None:
    recording = await client.new_recording()
    promised = await client.promise(recording, file_size_bytes=len(content("sound.wav")))
    assert (await client.put(promised, in_pieces(content("sound.wav")))).status == 200
    assert (await client.complete(recording)).status == 200
    assert (await client.raw(recording, promised["media_id"])).body == content("sound.wav")


async def test_another_put_replaces_the_file_until_it_is_completed(client: Client, content: Content) -> None:
    recording = await client.new_recording()
    promised = await client.promise(recording)
    for name in ("still.png", "sound.wav", "sound.mp3"):
        assert (await client.put(promised, content(name))).status == 200
    assert (await client.complete(recording)).status == 200
    late = await client.put(promised, content("sound.wav"))
    assert (late.status, late.json["error"]["code"]) == (409, "resource_already_exists")
    assert (await client.raw(recording, promised["media_id"])).body == content("sound.mp3")


async def test_completing_again_gets_the_same_response(client: Client, content: Content) -> None:
    recording, _ = await client.upload(content("sound.mp3"))
    first, second = await client.complete(recording), await client.complete(recording)
    assert (first.status, first.json) == (second.status, second.json)
    assert first.json == await client.succeed("GET", f"/v1/recordings/{recording}")


async def test_simultaneous_completions_are_one(client: Client, content: Content) -> None:
    recording = await client.new_recording()
    await client.put(await client.promise(recording), content("sound.mp3"))
    responses = await asyncio.gather(*(client.complete(recording) for _ in range(8)))
    assert {response.status for response in responses} == {200}
    assert all(response.json == responses[0].json for response in responses)


async def test_a_completion_races_another_put_without_harm(client: Client, content: Content) -> None:
    bodies = {len(content(name)): content(name) for name in ("sound.mp3", "sound.wav")}
    for _ in range(5):
        recording = await client.new_recording()
        promised = await client.promise(recording)
        await client.put(promised, content("sound.mp3"))
        put, completed = await asyncio.gather(client.put(promised, content("sound.wav")), client.complete(recording))
        assert (put.status, completed.status) in {(200, 200), (409, 200)}
        (media,) = completed.json["media"]
        raw = await client.raw(recording, promised["media_id"])
        assert raw.body == bodies[media["file_size_bytes"]]
        assert raw.headers["Content-Type"] == media["mime_type"]


async def test_a_recording_may_have_several_files_and_more_of_them_later(client: Client, content: Content) -> None:
    recording = await client.new_recording()
    for name, type in (("sound.mp3", "audio"), ("moving.mp4", "video")):
        await client.put(await client.promise(recording, type), content(name))
    assert len((await client.complete(recording)).json["media"]) == 2
    await client.put(await client.promise(recording, "image"), content("still.png"))
    completed = (await client.complete(recording)).json
    assert [media["status"] for media in completed["media"]] == ["uploaded"] * 3


# --- what is found out at the end


async def refusal(client: Client, recording: str) -> Any:
    completed = await client.complete(recording)
    assert completed.status == 400, completed
    assert completed.json["error"]["code"] == "invalid_request"
    shown = await client.succeed("GET", f"/v1/recordings/{recording}")
    assert {media["status"] for media in shown["media"]} <= {"pending"}
    return completed.json["error"]["details"]


@pytest.mark.parametrize(
    ("promised_type", "sent", "word"),
    [
        pytest.param("audio", "still.png", "image/png", id="a-picture-for-sound"),
        pytest.param("audio", "moving.mp4", "video/mp4", id="a-film-for-sound"),
        pytest.param("video", "moov-last.m4a", "audio/mp4", id="sound-for-a-film"),
        pytest.param("image", "sound.mp3", "audio/mpeg", id="sound-for-a-picture"),
    ],
)
async def test_a_lie_about_the_type_is_refused_and_can_be_mended(
    client: Client, content: Content, promised_type: str, sent: str, word: str
) -> None:
    recording = await client.new_recording()
    promised = await client.promise(recording, promised_type)
    await client.put(promised, content(sent))
    (fault,) = await refusal(client, recording)
    assert fault["field"] == f"{promised['media_id']}.type"
    assert word in fault["message"]
    honest = {"audio": "sound.mp3", "video": "moving.mp4", "image": "still.png"}[promised_type]
    await client.put(promised, content(honest))
    assert (await client.complete(recording)).status == 200


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"MZ" + bytes(4000), id="a-program"),
        pytest.param(b"#EXTM3U\nfile:///etc/passwd\n", id="a-playlist"),
    ],
)
async def test_a_file_that_is_not_media_is_refused(client: Client, body: bytes) -> None:
    recording = await client.new_recording()
    promised = await client.promise(recording)
    assert (await client.put(promised, body)).status == 200
    (fault,) = await refusal(client, recording)
    assert fault["field"] == f"{promised['media_id']}.type"


@pytest.mark.parametrize("content_type", ["video/webm;codecs=vp8,opus", 'video/mp4; codecs="avc1.42E01E, mp4a.40.2";'])
async def test_a_file_is_what_it_is_and_what_it_was_called_is_kept(
    client: Client, content: Content, content_type: str
) -> None:
    recording = await client.new_recording()
    promised = await client.promise(recording, "video", content_type=content_type)
    assert (await client.put(promised, content("moving.mp4"))).status == 200
    completed = await client.complete(recording)
    assert completed.status == 200, completed
    assert completed.json["media"][0]["mime_type"] == "video/mp4"
    shown = await client.call("GET", f"/recordings/{decode_id('rec', recording)}")
    assert shown.json["media_files"][0]["metadata"]["declared_content_type"] == content_type


async def test_a_promise_that_never_received_a_byte_is_dropped_and_named(client: Client, content: Content) -> None:
    recording = await client.new_recording()
    await client.put(await client.promise(recording), content("sound.mp3"))
    forgotten = await client.promise(recording)
    completed = await client.complete(recording)
    assert completed.status == 200, completed
    assert completed.json["dropped_media_ids"] == [forgotten["media_id"]]
    assert [media["status"] for media in completed.json["media"]] == ["uploaded"]
    assert "dropped_media_ids" not in (await client.complete(recording)).json


async def test_only_the_media_that_are_named_are_completed(client: Client, content: Content) -> None:
    recording = await client.new_recording()
    first, second = [await client.promise(recording) for _ in range(2)]
    await client.put(first, content("sound.mp3"))
    path = f"/v1/recordings/{recording}/upload-complete"
    completed = await client.succeed("POST", path, {"media_ids": [first["media_id"]]})
    assert [media["status"] for media in completed["media"]] == ["uploaded", "pending"]
    missing = await client.call("POST", path, {"media_ids": [second["media_id"]]})
    assert missing.status == 400
    assert [fault["field"] for fault in missing.json["error"]["details"]] == [f"{second['media_id']}.upload_url"]
    await client.put(second, content("sound.wav"))
    completed = await client.succeed("POST", path, {"media_ids": [second["media_id"], first["media_id"]]})
    assert [media["status"] for media in completed["media"]] == ["uploaded"] * 2


@pytest.mark.parametrize("media_ids", [[], ["rec_00000000"], ["med_00000000"], [7], "all"])
async def test_media_that_the_recording_lacks_cannot_be_completed(client: Client, media_ids: Any) -> None:
    path = f"/v1/recordings/{await client.new_recording()}/upload-complete"
    assert (await client.call("POST", path, {"media_ids": media_ids})).status == 400


async def test_an_object_that_changed_after_its_completion_is_not_served_until_it_is_verified_again(
    site: Gateway, client: Client, content: Content
) -> None:
    recording, media = await client.upload(content("sound.mp3"))
    root = site.backends.storages["local"].root
    assert root is not None
    path = root / "uploads" / str(site.user_id) / str(decode_id("med", media))
    for other in (content("still.png"), content("sound.mp3") * 2):
        path.write_bytes(other)
        assert (await client.raw(recording, media)).status == 404
        assert (await client.complete(recording)).status == 200
        assert (await client.raw(recording, media)).status == 404
    path.write_bytes(content("sound.mp3"))
    assert (await client.raw(recording, media)).status == 404
    assert (await client.complete(recording)).status == 200
    played = await client.raw(recording, media)
    assert (played.status, played.body) == (200, content("sound.mp3"))


# --- one writer, and the conditions of a PUT


async def test_a_second_writer_is_refused_while_the_file_is_being_sent(
    site: Gateway, client: Client, content: Content
) -> None:
    promised = await client.promise(await client.new_recording())
    may_end = asyncio.Event()

    async def slowly() -> AsyncGenerator[bytes, None]:
        yield content("sound.mp3")[:1000]
        await may_end.wait()
        yield content("sound.mp3")[1000:]

    first = asyncio.create_task(client.put(promised, slowly()))
    await wait_until(lambda: drafts(site) != [])
    second = await client.put(promised, content("sound.wav"))
    assert (second.status, second.json["error"]["message"]) == (423, "Another request is sending this file")
    assert int(second.headers["Retry-After"]) > 0
    may_end.set()
    assert (await first).status == 200
    assert (await client.put(promised, content("sound.wav"))).status == 200


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"If-None-Match": "*"}, 412),
        ({"If-None-Match": "{etag}"}, 412),
        ({"If-None-Match": '"other"'}, 200),
        ({"If-Match": '"nope"'}, 412),
        ({"If-Match": '"nope",' * 64 + '"other"'}, 412),
        ({"If-Match": "{etag}"}, 200),
        ({"If-Match": "*"}, 200),
        ({"If-Unmodified-Since": "Mon, 01 Jan 2001 00:00:00 GMT"}, 412),
        ({"Content-Range": "bytes 10-19/20"}, 400),
    ],
)
async def test_the_conditions_of_a_put_are_evaluated(
    client: Client, content: Content, fields: Mapping[str, str], status: int
) -> None:
    recording = await client.new_recording()
    promised = await client.promise(recording)
    etag = (await client.put(promised, content("sound.mp3"))).headers["ETag"]
    sent = {name: value.format(etag=etag) for name, value in fields.items()}
    assert (await client.put(promised, content("sound.wav"), sent)).status == status
    (media,) = (await client.complete(recording)).json["media"]
    assert media["mime_type"] == ("audio/wav" if status == 200 else "audio/mpeg")


@pytest.mark.parametrize(("fields", "status"), [({"If-None-Match": "*"}, 200), ({"If-Match": "*"}, 412)])
async def test_the_conditions_of_a_first_put_are_evaluated(
    client: Client, content: Content, fields: Mapping[str, str], status: int
) -> None:
    promised = await client.promise(await client.new_recording())
    assert (await client.put(promised, content("sound.mp3"), fields)).status == status


async def test_nothing_promised_cannot_be_completed(client: Client) -> None:
    assert await refusal(client, await client.new_recording())


# --- what is found out on the way


@pytest.mark.parametrize(
    ("promised", "sent", "status", "field"),
    [
        pytest.param({"file_size_bytes": 99}, {}, 400, "Content-Length", id="another-size"),
        pytest.param({}, {"Content-MD5": md5(b"else")}, 400, "Content-MD5", id="another-md5"),
        pytest.param({}, {"Content-MD5": "no base64!"}, 400, "Content-MD5", id="malformed-md5"),
        pytest.param({}, {"Content-MD5": md5(b"x")[:8]}, 400, "Content-MD5", id="short-md5"),
        pytest.param({}, {"x-amz-checksum-sha256": sha256(b"else")}, 400, "x-amz-checksum-sha256", id="another-sha256"),
        pytest.param({}, {"x-amz-checksum-sha256": "é"}, 400, "x-amz-checksum-sha256", id="malformed-sha256"),
        pytest.param({"content_type": "audio/wav"}, {"Content-Type": "audio/mpeg"}, 415, None, id="another-type"),
        pytest.param({}, {"Content-Encoding": "gzip"}, 415, None, id="compressed"),
    ],
)
async def test_a_body_that_is_not_what_was_declared_leaves_nothing(
    site: Gateway,
    client: Client,
    promised: dict[str, Any],
    sent: Mapping[str, str],
    status: int,
    field: str | None,
) -> None:
    recording = await client.new_recording()
    url = await client.promise(recording, **promised)
    response = await client.put(url, b"one hundred bytes" * 6, sent)
    assert (response.status, response.json["error"]["code"]) == (status, "invalid_request"), response
    if field:
        assert [fault["field"] for fault in response.json["error"]["details"]] == [field]
    assert drafts(site) == []
    (fault,) = await refusal(client, recording)
    assert fault["message"] == "It was not uploaded"


async def test_checksums_that_hold_are_accepted(client: Client, content: Content) -> None:
    body, recording = content("sound.mp3"), await client.new_recording()
    promised = await client.promise(recording, content_type="audio/mpeg", file_size_bytes=len(body))
    assert promised["headers"] == {"Content-Type": "audio/mpeg"}
    sums = {"Content-MD5": md5(body), "x-amz-checksum-sha256": sha256(body)}
    assert (await client.put(promised, body, sums)).status == 200
    assert (await client.complete(recording)).status == 200


async def test_a_chunked_body_of_another_size_leaves_nothing(site: Gateway, client: Client) -> None:
    for size in (900, 1100):
        recording = await client.new_recording()
        promised = await client.promise(recording, file_size_bytes=1000)
        assert (await client.put(promised, in_pieces(bytes(size), 100))).status == 400
        assert drafts(site) == []


async def test_too_large_a_file_is_refused_before_it_is_sent(site: Gateway, client: Client) -> None:
    promised = await client.promise(await client.new_recording())
    path = promised["upload_url"].removeprefix(site.base_url)
    fields = [("Content-Length", str(MAX_FILE_BYTES + 1)), ("Expect", "100-continue")]
    async with connect(site.host, site.port) as connection:
        await connection.send(compose("PUT", path, fields, host=site.authority))
        head = await connection.read_head()
    assert head.status == 413


async def test_a_file_outside_the_page_cache_is_read_ahead(site: Gateway, client: Client) -> None:
    promised = await client.promise(await client.new_recording())
    path = promised["upload_url"].removeprefix(site.base_url)
    async with connect(site.host, site.port) as connection:
        fields = [("Content-Length", "4"), ("Expect", "100-continue")]
        await connection.send(compose("PUT", path, fields, host=site.authority))
        assert (await connection.read_head()).status == 100
        await connection.send(b"RIFF")
        assert (await connection.read_head()).status == 200


async def test_too_large_a_file_of_unknown_length_is_cut_off(site: Gateway, client: Client) -> None:
    promised = await client.promise(await client.new_recording())
    path = promised["upload_url"].removeprefix(site.base_url)
    async with connect(site.host, site.port) as connection:
        await connection.send(compose("PUT", path, [("Transfer-Encoding", "chunked")], host=site.authority))
        sending = asyncio.create_task(send_without_end(connection))
        head = await connection.read_head()
        sending.cancel()
        await asyncio.wait([sending])
        connection.reset()
    assert head.status == 413
    assert drafts(site) == []


async def send_without_end(connection: Connection) -> None:
    while True:
        await connection.send(b"%x\r\n%s\r\n" % (2**20, bytes(2**20)))


@pytest.fixture
def impatient(postgres: str, tmp_path: Path) -> Iterator[Gateway]:
    """A gateway with a short stall time-out. Only tests of silent clients use it: on a busy machine every client pauses."""
    with running_gateway(postgres, tmp_path, {**SETTINGS, "SEEKGATE_UPLOADS__STALL_TIMEOUT_SECONDS": "1"}) as gateway:
        yield gateway


async def test_an_upload_whose_client_falls_silent_ends_and_leaves_nothing(impatient: Gateway) -> None:
    async with open_client(impatient.base_url, impatient.key) as client:
        promised = await client.promise(await client.new_recording())
    path = promised["upload_url"].removeprefix(impatient.base_url)
    async with connect(impatient.host, impatient.port) as connection:
        octets = compose("PUT", path, [("Content-Length", "100")], host=impatient.authority, body=b"half")
        await connection.send(octets)
        head = await connection.read_head()
    assert head.status == 408
    assert drafts(impatient) == []


async def test_a_client_that_disconnects_in_the_middle_leaves_nothing(site: Gateway, client: Client) -> None:
    for rudely in (False, True):
        recording = await client.new_recording()
        promised = await client.promise(recording)
        path = promised["upload_url"].removeprefix(site.base_url)
        async with connect(site.host, site.port) as connection:
            await connection.send(
                compose("PUT", path, [("Content-Length", "9999999")], host=site.authority, body=bytes(500_000))
            )
            await wait_until(lambda: bool(drafts(site)))
            if rudely:
                connection.reset()
        await wait_until(lambda: not drafts(site))
        (fault,) = await refusal(client, recording)
        assert fault["message"] == "It was not uploaded"
    assert "Traceback" not in site.log_text()


async def test_a_recording_that_is_deleted_meanwhile_takes_the_file_along(
    site: Gateway, client: Client, content: Content
) -> None:
    recording = await client.new_recording()
    promised = await client.promise(recording)
    before = len(list(root_of(site).rglob("uploads/*/*")))
    arriving = asyncio.Event()

    async def slow() -> AsyncGenerator[bytes, None]:
        yield content("sound.mp3")[:100]
        await arriving.wait()
        yield content("sound.mp3")[100:]

    putting = asyncio.create_task(client.put(promised, slow()))
    await wait_until(lambda: bool(drafts(site)))
    await client.succeed("DELETE", f"/v1/recordings/{recording}", status=204)
    arriving.set()
    assert (await putting).status == 404
    assert drafts(site) == []
    assert len(list(root_of(site).rglob("uploads/*/*"))) == before


async def test_a_deleted_recordings_files_are_removed(site: Gateway, client: Client, content: Content) -> None:
    recording, media = await client.upload(content("sound.mp3"))
    (path,) = root_of(site).rglob(f"uploads/*/{raw_path(recording, media).split('/')[4]}")
    await client.succeed("DELETE", f"/v1/recordings/{recording}", status=204)
    assert (await client.raw(recording, media)).status == 404
    await wait_until(lambda: not path.exists())


# --- who may, and how often


@pytest.mark.parametrize("route", ["upload-url", "upload-complete"])
@pytest.mark.parametrize(
    ("key", "status", "code"),
    [
        ("", 401, "unauthorized"),
        ("read_only_key", 403, "forbidden"),
        ("other_key", 404, "not_found"),
        ("test_key", 404, "not_found"),
    ],
)
async def test_only_the_owner_with_the_scope_may_upload(
    site: Gateway, client: Client, route: str, key: str, status: int, code: str
) -> None:
    recording = await client.new_recording()
    path = f"/v1/recordings/{recording}/{route}"
    response = await client.call("POST", path, {"type": "audio"}, key=getattr(site, key) if key else "")
    assert (response.status, response.json["error"]["code"]) == (status, code)


async def test_a_mistyped_token_is_forbidden(client: Client) -> None:
    promised = await client.promise(await client.new_recording())
    right = promised["upload_url"]
    last, prefix = right[:-1] + f"%{ord(right[-1]):X}", right.replace("/up_", "/up%5F")
    for url in (right[:-1], right + "A", "/v1/uploads/up_x", last, prefix, f"{prefix}?{right}"):
        response = await client.ask("PUT", url, b"x")
        assert (response.status, response.json["error"]["code"]) == (403, "forbidden")


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["type"]),
        ({"type": "text"}, ["type"]),
        ({"type": "audio", "file_size_bytes": 0}, ["file_size_bytes"]),
        ({"type": "audio", "file_size_bytes": 1.5}, ["file_size_bytes"]),
        ({"type": "audio", "file_size_bytes": MAX_FILE_BYTES + 1}, ["file_size_bytes"]),
        ({"type": "audio", "file_size_bytes": 10**30}, ["file_size_bytes"]),
        ({"type": "audio", "content_type": "video/mp4"}, ["content_type"]),
        ({"type": "audio", "content_type": "audio/mpeg\r\nX: y"}, ["content_type"]),
        ({"type": "audio", "content_type": "audio/" + "x" * 300}, ["content_type"]),
        ({"type": "audio", "captured_at": "yesterday"}, ["captured_at"]),
        ({"type": "audio", "filename": "../../etc/passwd"}, ["filename"]),
    ],
)
async def test_a_bad_promise_is_reported_by_field(client: Client, body: dict[str, Any], fields: list[str]) -> None:
    recording = await client.new_recording()
    response = await client.call("POST", f"/v1/recordings/{recording}/upload-url", body)
    assert (response.status, response.json["error"]["code"]) == (400, "invalid_request")
    assert [fault["field"] for fault in response.json["error"]["details"]] == fields


async def test_a_recording_has_a_limited_number_of_files_also_for_simultaneous_promises(client: Client) -> None:
    recording = await client.new_recording()
    path = f"/v1/recordings/{recording}/upload-url"
    responses = await asyncio.gather(*(client.call("POST", path, {"type": "audio"}) for _ in range(MAX_MEDIA + 4)))
    assert sorted(response.status for response in responses) == [200] * MAX_MEDIA + [400] * 4


async def test_a_page_of_an_allowed_origin_may_send_a_file(client: Client) -> None:
    promised = await client.promise(await client.new_recording())
    asked = {
        "Origin": ALLOWED_ORIGIN,
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "content-type,content-md5",
    }
    preflight = await client.ask("OPTIONS", promised["upload_url"], headers=asked)
    assert preflight.status == 204
    assert "PUT" in preflight.headers["Access-Control-Allow-Methods"]
    allowed = preflight.headers["Access-Control-Allow-Headers"].lower()
    assert {"content-type", "content-md5"} <= {name.strip() for name in allowed.split(",")}
    sent = await client.put(promised, b"x", {"Origin": ALLOWED_ORIGIN})
    assert sent.headers["Access-Control-Allow-Origin"] == ALLOWED_ORIGIN


async def test_no_token_is_written_to_the_log(site: Gateway, client: Client, content: Content) -> None:
    promised = await client.promise(await client.new_recording())
    await client.put(promised, content("sound.mp3"))
    token = promised["upload_url"].rpartition("/")[2]
    assert '"/v1/uploads/***"' in await logged(site, '"PUT"')
    assert token not in site.log_text()


async def logged(site: Gateway, text: str) -> str:
    """The log, once it has the text."""
    await wait_until(lambda: text in site.log_text())
    return site.log_text()


async def test_memory_stays_bounded_while_a_large_file_arrives(site: Gateway, client: Client) -> None:
    async def large() -> AsyncGenerator[bytes, None]:
        for _ in range(MAX_FILE_BYTES // 2**20):
            yield bytes(2**20)

    promised = [await client.promise(await client.new_recording()) for _ in range(4)]
    before = resident_bytes(site.pid)
    responses = await asyncio.gather(*(client.put(each, large()) for each in promised))
    assert {response.status for response in responses} == {200}
    assert resident_bytes(site.pid, "VmHWM") - before < 48 * 2**20


def resident_bytes(pid: int, field: str = "VmRSS") -> int:
    (line,) = [each for each in Path(f"/proc/{pid}/status").read_text().splitlines() if each.startswith(field)]
    return int(line.split()[1]) * 1024
