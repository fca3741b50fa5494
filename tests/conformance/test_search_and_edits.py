"""Finding, renaming, transcribing and sharing recordings, over real HTTP."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

from gateway.protocol.ids import encode_id
from tests.conformance.ask import exchange
from tests.conformance.bota_calls import RECORDINGS, check_error, create, get, post, query, recording_of, send
from tests.conformance.calling import call
from tests.conformance.media import Media
from tests.conformance.objects import look, noise
from tests.conformance.raw_http import Response, compose
from tests.gateway_process import Gateway

WHISPER: Final = {
    "text": "…",
    "language": "en",
    "segments": [
        {"id": 0, "start": 0.0, "end": 2.5, "text": " We shipped the quarterly roadmap yesterday."},
        {"id": 1, "start": 2.5, "end": 4.0, "text": " The invoices were reviewed."},
    ],
}
VTT: Final = "WEBVTT\n\n00:01.000 --> 00:03.000\n<v Ann Lee>Guten Tag &amp; willkommen\n"
SRT: Final = "1\n00:00:01,000 --> 00:00:02,500\nBonjour tout le monde\n"


async def put_transcript(
    site: Gateway, recording: str, body: str | bytes, content_type: str, *, key: str | None = None
) -> Response:
    payload = body.encode() if isinstance(body, str) else body
    fields = [
        ("Authorization", f"Bearer {key or site.key}"),
        ("Content-Type", content_type),
        ("Content-Length", str(len(payload))),
    ]
    target = f"{RECORDINGS}/{recording}/transcript"
    return await exchange(site, compose("PUT", target, fields, host=site.authority, body=payload), "PUT")


async def patch(
    site: Gateway, recording: str, body: Any, *, if_match: str | None = None, key: str | None = None
) -> Any:
    fields = [] if if_match is None else [("If-Match", if_match)]
    return await send(site, "PATCH", f"{RECORDINGS}/{recording}", json.dumps(body).encode(), key=key, fields=fields)


async def found(site: Gateway, text: str, *, key: str | None = None) -> list[Any]:
    response = await get(site, query(q=text), key=key)
    assert set(response) == {"data", "has_more"}
    listed: list[Any] = response["data"]
    return listed


@pytest.fixture
async def spoken(site: Gateway) -> str:
    """A recording with a transcript in English."""
    recording: str = (await create(site, name="Planning session"))["id"]
    assert (await put_transcript(site, recording, json.dumps(WHISPER), "application/json")).status == 204
    return recording


async def test_a_spoken_phrase_is_found_with_its_time(site: Gateway, spoken: str) -> None:
    results = [each for each in await found(site, "roadmap") if each["id"] == spoken]
    assert [each["matches"] for each in results] == [
        [
            {
                "start_seconds": 0.0,
                "end_seconds": 2.5,
                "speaker": None,
                "text": " We shipped the quarterly roadmap yesterday.",
            }
        ]
    ]


@pytest.mark.parametrize(
    "text",
    ["quart", "invoice review", '"quarterly roadmap"', "ROADMAP shipping", "roadmap -weather", "planning", "sess"],
    ids=[
        "beginning of a word",
        "stems",
        "phrase",
        "capitals and another form",
        "exclusion",
        "name",
        "beginning in a name",
    ],
)
async def test_a_recording_is_found_by_these_words(site: Gateway, spoken: str, text: str) -> None:
    assert spoken in [each["id"] for each in await found(site, text)]


@pytest.mark.parametrize(
    "text",
    [
        "roadmaps-and-nothing",
        '"roadmap quarterly"',
        "roadmap -quarterly",
        "",
        "  ",
        "!!! & | ( ) :* '",
        '"',
        "\\",
        "'; DROP",
    ],
)
async def test_a_search_without_a_match_finds_nothing(site: Gateway, spoken: str, text: str) -> None:
    assert spoken not in [each["id"] for each in await found(site, text)]


async def test_a_search_is_narrowed_by_the_filters_of_the_list(site: Gateway, spoken: str) -> None:
    for filters, seen in (
        ({"status": "pending"}, True),
        ({"status": "failed"}, False),
        ({"type": "audio"}, False),
        ({"created_before": "2020-01-01T00:00:00Z"}, False),
        ({"created_after": "2020-01-01T00:00:00Z"}, True),
        ({"min_duration_ms": 0}, False),
        ({"device_id": "d"}, False),
    ):
        page = await get(site, query(q="roadmap", limit=100, **filters))
        assert (spoken in [each["id"] for each in page["data"]]) is seen, filters


async def test_a_recording_is_found_by_the_name_of_its_meeting(site: Gateway, met: Media) -> None:
    native_id = (await get(site, f"{recording_of(met)}?include=origin"))["origin"]["meeting"]["native_meeting_id"]
    assert encode_id("rec", met.recording_id) in [each["id"] for each in await found(site, f" {native_id} ")]
    assert await found(site, native_id, key=site.other_key) == []


@pytest.mark.parametrize("text", ["a", "an"])
async def test_the_beginning_of_a_word_is_looked_for_in_the_owners_words_only(
    site: Gateway, spoken: str, text: str
) -> None:
    strangers = (await create(site, key=site.other_key))["id"]
    said = json.dumps([{"start": 0, "end": 1, "text": "Anaconda"}])
    assert (await put_transcript(site, strangers, said, "application/json", key=site.other_key)).status == 204
    assert strangers not in [each["id"] for each in await found(site, text)]
    assert [each["id"] for each in await found(site, text, key=site.other_key)] == [strangers]
    assert (await send(site, "DELETE", f"{RECORDINGS}/{strangers}", key=site.other_key)).status == 204


async def test_text_with_the_signs_of_queries_is_found_as_it_is_written(site: Gateway) -> None:
    recording = (await create(site))["id"]
    texts = [
        "O'Brien's back\\slash",
        "日本語のテスト",
        "x" * 5000,
        "naïve café",
        "1.5 & 2 | 3 ! (4)",
        " ".join(map(str, range(30_000))),
    ]
    body = json.dumps([{"start": n, "end": n + 1, "text": text} for n, text in enumerate(texts)])
    assert (await put_transcript(site, recording, body, "application/json")).status == 204
    for text in ("o'brien", "back\\slash", "日本語のテスト", "NAÏVE", '"café"', "1.5 & 2", "9999"):
        assert recording in [each["id"] for each in await found(site, text)], text


async def test_another_account_does_not_find_it(site: Gateway, spoken: str) -> None:
    assert await found(site, "roadmap", key=site.other_key) == []


async def test_a_transcript_is_replaced_and_no_longer_found_by_its_old_words(site: Gateway, spoken: str) -> None:
    replaced = {"segments": [{"start": 1, "end": 2, "text": "Zeppelin", "speaker": "Ann"}]}
    assert (await put_transcript(site, spoken, json.dumps(replaced), "application/json")).status == 204
    assert spoken not in [each["id"] for each in await found(site, "roadmap")]
    assert spoken in [each["id"] for each in await found(site, "zeppelin")]
    shown = await get(site, f"{RECORDINGS}/{spoken}/transcript")
    assert shown == {"segments": [{"start": 1.0, "end": 2.0, "text": "Zeppelin", "speaker": "Ann", "language": None}]}


@pytest.mark.parametrize(
    ("content_type", "body", "text"),
    [
        ("text/vtt", VTT, "Guten Tag & willkommen"),
        ("text/vtt; charset=utf-8", "\ufeff" + VTT, "Guten Tag & willkommen"),
        ("application/x-subrip", SRT, "Bonjour tout le monde"),
        ("application/json", json.dumps([{"start_time": 0, "end_time": 1, "text": "hi"}]), "hi"),
    ],
    ids=["WebVTT", "WebVTT with a byte order mark", "SubRip", "JSON list"],
)
async def test_a_transcript_is_accepted_in_this_format(site: Gateway, content_type: str, body: str, text: str) -> None:
    recording = (await create(site))["id"]
    assert (await put_transcript(site, recording, body, content_type)).status == 204
    (segment,) = (await get(site, f"{RECORDINGS}/{recording}/transcript"))["segments"]
    assert segment["text"] == text


async def test_a_transcript_is_returned_as_webvtt(site: Gateway, spoken: str) -> None:
    response = await send(site, "GET", f"{RECORDINGS}/{spoken}/transcript", fields=[("Accept", "text/vtt")])
    assert (response.status, response.head["Content-Type"]) == (200, "text/vtt; charset=utf-8")
    assert response.body.startswith(b"WEBVTT\n\n00:00:00.000 --> 00:00:02.500\n")
    copy = (await create(site))["id"]
    assert (await put_transcript(site, copy, response.body, "text/vtt")).status == 204
    shown = await get(site, f"{RECORDINGS}/{copy}/transcript")
    assert [each["end"] for each in shown["segments"]] == [2.5, 4.0]


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", "{}"),
        ("application/json", '{"segments": [{"start": -1, "end": 1, "text": "x"}]}'),
        ("application/json", '{"segments": [{"start": 1e400, "end": 1, "text": "x"}]}'),
        ("application/json", '{"segments": [{"start": true, "end": 1, "text": "x"}]}'),
        ("application/json", '{"segments": [{"start": 0, "end": 1, "text": 5}]}'),
        ("application/json", '{"segments": [7]}'),
        ("application/json", "[" * 2000 + "]" * 2000),
        ("text/vtt", "no captions"),
        ("application/x-subrip", "no captions"),
        ("text/vtt", b"WEBVTT\n\n\xff\xfe"),
        ("text/plain", "hello"),
        ("", "hello"),
    ],
)
async def test_a_body_that_is_not_a_transcript_is_refused(
    site: Gateway, spoken: str, content_type: str, body: str | bytes
) -> None:
    response = await put_transcript(site, spoken, body, content_type)
    assert response.status == 400, response
    assert len((await get(site, f"{RECORDINGS}/{spoken}/transcript"))["segments"]) == 2


async def test_a_transcript_that_is_too_large_is_refused(site: Gateway, spoken: str) -> None:
    assert (await put_transcript(site, spoken, b"x" * (4 * 1024 * 1024 + 1), "text/vtt")).status == 413


async def test_a_recording_is_renamed(site: Gateway) -> None:
    created = await create(site, name="before", device_id="d", metadata={"a": 1})
    response = await patch(site, created["id"], {"name": "after", "metadata": {"b": 1.10}})
    assert response.status == 200
    changed = json.loads(response.body)
    assert (changed["name"], changed["device_id"], changed["metadata"]) == ("after", "d", {"b": 1.1})
    assert await get(site, f"{RECORDINGS}/{created['id']}") == changed
    assert (await patch(site, created["id"], {"device_id": None})).status == 200
    assert (await get(site, f"{RECORDINGS}/{created['id']}"))["device_id"] is None


async def test_an_edit_of_nothing_changes_nothing(site: Gateway) -> None:
    created = await create(site, name="same")
    response = await patch(site, created["id"], {})
    assert (response.status, json.loads(response.body)) == (200, created)


async def test_a_segment_that_ends_before_it_begins_ends_when_it_begins(site: Gateway, spoken: str) -> None:
    body = json.dumps([{"start": 2, "end": 1, "text": "x"}])
    assert (await put_transcript(site, spoken, body, "application/json")).status == 204
    (segment,) = (await get(site, f"{RECORDINGS}/{spoken}/transcript"))["segments"]
    assert (segment["start"], segment["end"]) == (2.0, 2.0)


async def test_an_edit_of_an_older_version_is_refused(site: Gateway) -> None:
    created = await create(site, name="one")
    shown = await send(site, "GET", f"{RECORDINGS}/{created['id']}")
    etag = shown.head["ETag"]
    assert etag is not None
    assert re.fullmatch(r'"[0-9a-f]{32}"', etag)
    first = await patch(site, created["id"], {"name": "two"}, if_match=etag)
    assert (first.status, first.head["ETag"] != etag) == (200, True)
    for condition in (etag, ""):  # an empty list names no version
        check_error(await patch(site, created["id"], {"name": "three"}, if_match=condition), 412, "invalid_request")
    assert (await get(site, f"{RECORDINGS}/{created['id']}"))["name"] == "two"
    assert (await patch(site, created["id"], {"name": "four"}, if_match="*")).status == 200


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"status": "completed"}, ["status"]),
        ({"name": "x" * 501}, ["name"]),
        ({"name": "a\0b"}, ["name"]),
        ({"ended_at": "2020-01-01T00:00:00Z"}, ["ended_at"]),
        ({"started_at": "2031-01-01T00:00:00Z"}, ["started_at"]),
    ],
)
async def test_an_edit_that_cannot_be_made_changes_nothing(site: Gateway, body: Any, fields: list[str]) -> None:
    created = await create(site, started_at="2026-01-01T00:00:00Z", ended_at="2026-01-01T01:00:00Z")
    check_error(await patch(site, created["id"], body), 400, "invalid_request", *fields)
    assert await get(site, f"{RECORDINGS}/{created['id']}") == created


async def test_another_accounts_recording_cannot_be_edited(site: Gateway, spoken: str) -> None:
    assert (await patch(site, spoken, {"name": "mine"}, key=site.other_key)).status == 404
    assert (await patch(site, spoken, {"name": "mine"}, key=site.read_only_key)).status == 403
    assert (await put_transcript(site, spoken, SRT, "application/x-subrip", key=site.other_key)).status == 404


async def share(site: Gateway, media: Media, **body: Any) -> tuple[Any, str]:
    """A new link of the recording: as it is shown, and the path of its page."""
    link = await post(site, f"{recording_of(media)}/links", {"expires_in_seconds": 60} | body, status=201)
    return link, urlsplit(link["url"]).path


async def shared(site: Gateway, path: str) -> Any:
    response = await call(site, f"{path}/recording.json")
    assert response.status == 200, response
    return json.loads(response.body)


def target(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}"


async def test_a_link_plays_its_recording_without_a_key(site: Gateway, met: Media) -> None:
    link, path = await share(site, met, start_seconds=0.5)
    assert set(link) == {"id", "url", "expires_at"}
    assert re.fullmatch(r"/shared/lk_[A-Za-z0-9_-]{43}", path)
    shown = await shared(site, path)
    assert (shown["name"], shown["start_seconds"], len(shown["segments"])) == ("met", 0.5, 2)
    (media,) = shown["media"]
    played = await call(site, target(media["url"]), fields=[("Range", "bytes=10-19")])
    assert (played.status, played.body) == (206, met.content[10:20])
    captions = await call(site, f"{path}/captions.vtt")
    assert captions.body.startswith(b"WEBVTT")
    listed = (await get(site, f"{recording_of(met)}/links"))["data"]
    assert [each["id"] for each in listed if each["id"] == link["id"]] == [link["id"]]
    assert all("url" not in each for each in listed)


async def test_the_page_of_a_link_names_the_recording_and_nothing_of_the_account(site: Gateway, met: Media) -> None:
    link, path = await share(site, met)
    page = await call(site, path)
    text = page.body.decode()
    assert (page.status, page.head["X-Robots-Tag"], page.head["Cache-Control"]) == (200, "noindex", "no-store")
    assert '<meta property="og:title" content="met">' in text
    for secret in (str(met.recording_id), str(met.media_file_id), str(site.user_id), "example.org"):
        assert secret not in text
    assert "frame-ancestors 'none'" in (page.head["Content-Security-Policy"] or "")
    embedded = await call(site, f"{path}/embed")
    assert "frame-ancestors 'self'" in (embedded.head["Content-Security-Policy"] or "")
    used = {each["id"]: each["use_count"] for each in (await get(site, f"{recording_of(met)}/links"))["data"]}
    assert used[link["id"]] == 2


async def test_the_preview_of_a_link_has_the_picture_of_its_recording(site: Gateway, met: Media) -> None:
    content = noise(4, 1000)
    _, path = await share(site, look(site, site.add("cover", content, "png"), content))
    (url,) = re.findall('property="og:image" content="([^"]+)"', (await call(site, path)).body.decode())
    assert url.endswith(f"{path}/picture")
    found = await call(site, f"{path}/picture")
    assert (found.status, found.head["Cache-Control"]) == (302, "no-store")
    assert (await call(site, target(found.head["Location"]))).body == content
    _, path = await share(site, met)
    assert (await call(site, f"{path}/picture")).status == 404


async def test_nothing_that_a_link_serves_contains_the_accounts_id(site: Gateway, met: Media) -> None:
    _, path = await share(site, met)
    (media,) = (await shared(site, path))["media"]
    ends = ("", "/embed", "/recording.json", "/captions.vtt", "/media/0/waveform")
    served = [await call(site, each) for each in (*(path + end for end in ends), target(media["url"]))]
    assert (served[2].status, served[-1].status) == (200, 200)
    for each in served:
        assert str(site.user_id) not in f"{each.head}{each.body.decode('latin-1')}"


async def test_a_deleted_link_and_its_playback_urls_end_within_a_second(site: Gateway, met: Media) -> None:
    link, path = await share(site, met)
    (media,) = (await shared(site, path))["media"]
    assert (await call(site, target(media["url"]), fields=[("Range", "bytes=0-0")])).status == 206
    assert (await send(site, "DELETE", f"{recording_of(met)}/links/{link['id']}")).status == 204
    assert (await call(site, f"{path}/recording.json")).status == 404
    deadline = datetime.now(UTC) + timedelta(seconds=1)
    while (await call(site, target(media["url"]), fields=[("Range", "bytes=0-0")])).status != 403:
        assert datetime.now(UTC) < deadline
    assert link["id"] not in [each["id"] for each in (await get(site, f"{recording_of(met)}/links"))["data"]]


async def test_a_link_expires(site: Gateway, met: Media) -> None:
    _, path = await share(site, met, expires_in_seconds=1)
    deadline = datetime.now(UTC) + timedelta(seconds=5)
    while (await call(site, path)).status != 404:
        assert datetime.now(UTC) < deadline


@pytest.mark.parametrize(
    "end", ["", "x", "/embed", "/recording.json", "/captions.vtt", "/picture", "/media/0/waveform"]
)
async def test_a_forged_link_opens_nothing(site: Gateway, end: str) -> None:
    assert (await call(site, f"/shared/lk_{'A' * 43}{end}")).status == 404


async def test_a_links_token_is_not_an_api_key(site: Gateway, met: Media) -> None:
    _, path = await share(site, met)
    token = path.removeprefix("/shared/")
    assert (await call(site, "/recordings", key=token)).status == 401
    assert (await call(site, f"/recordings/{met.recording_id}/media/{met.media_file_id}/raw", key=token)).status == 401


async def test_a_link_to_another_accounts_recording_is_not_created(site: Gateway, met: Media) -> None:
    response = await send(site, "POST", f"{recording_of(met)}/links", b'{"expires_in_seconds": 60}', key=site.other_key)
    check_error(response, 404, "not_found")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "expires_in_seconds"),
        ({"expires_in_seconds": 0}, "expires_in_seconds"),
        ({"expires_in_seconds": 1e300}, "expires_in_seconds"),
        ({"expires_in_seconds": 60, "start_seconds": -1}, "start_seconds"),
    ],
)
async def test_an_invalid_link_is_refused(site: Gateway, met: Media, body: Any, field: str) -> None:
    response = await send(site, "POST", f"{recording_of(met)}/links", json.dumps(body).encode())
    check_error(response, 400, "invalid_request", field)


async def test_no_log_line_shows_a_links_token(site: Gateway, met: Media) -> None:
    _, path = await share(site, met)
    token = path.removeprefix("/shared/")
    for end in ("", "/embed", "/recording.json", "/media/0/waveform", "/media/0/nothing"):
        await call(site, path + end)
    assert token not in site.log_text()
