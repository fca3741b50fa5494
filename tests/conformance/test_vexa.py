"""The JSON of Vexa's dialect: the exact shapes and error texts."""

import re
from typing import Any, Final

import pytest

from tests.conformance.calling import call, document, fetch, target_of
from tests.conformance.media import Media
from tests.gateway_process import Gateway

RECORDING_FIELDS: Final = {
    "id", "meeting_id", "user_id", "session_uid", "source", "status", "error_message", "created_at", "completed_at", "media_files",
}  # fmt: skip
MEDIA_FIELDS: Final = {
    "id", "type", "format", "storage_backend", "file_size_bytes", "duration_seconds", "metadata", "created_at",
}  # fmt: skip
DOWNLOAD_FIELDS: Final = {"download_url", "url", "filename", "content_type", "file_size_bytes", "expires_in"}
MASTER_FIELDS: Final = DOWNLOAD_FIELDS | {"media_file_id", "raw_url", "duration_seconds"}
RFC3339_UTC: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z")


def check_recording(shown: dict[str, Any], media: Media) -> None:
    """The expected JSON of a recording with one audio file."""
    assert set(shown) == RECORDING_FIELDS
    assert shown["id"] == media.recording_id
    assert 10**11 <= shown["id"] < 10**12
    assert shown["source"] in {"bot", "upload", "url"}
    assert shown["status"] == "completed"
    assert RFC3339_UTC.fullmatch(shown["created_at"])
    (file,) = shown["media_files"]
    check_media_file(file, media)


def check_media_file(file: dict[str, Any], media: Media) -> None:
    assert set(file) == MEDIA_FIELDS
    assert (file["id"], file["type"]) == (media.media_file_id, "audio")
    assert file["file_size_bytes"] == len(media.content)
    assert RFC3339_UTC.fullmatch(file["created_at"])


async def test_a_recording_has_every_member(site: Gateway, media: Media) -> None:
    shown = await fetch(site, f"/recordings/{media.recording_id}")
    check_recording(shown, media)
    assert shown["user_id"] == site.user_id


async def test_storage_paths_are_never_shown(site: Gateway, media: Media) -> None:
    for target in (f"/recordings/{media.recording_id}", "/recordings", media.target.replace("/raw", "/download")):
        response = await call(site, target, key=site.key)
        assert site.path_of("media").name.encode() not in response.body
        assert str(site.path_of("media").parent).encode() not in response.body


async def test_the_list_is_newest_first_and_has_the_same_members(site: Gateway, media: Media, one_byte: Media) -> None:
    # Page by page: in a run without other workers, all tests of this folder add to the same list.
    listed: list[dict[str, Any]] = []
    while page := (await fetch(site, f"/recordings?limit=200&offset={len(listed)}"))["recordings"]:
        listed += page
    ids = [shown["id"] for shown in listed]
    assert {media.recording_id, one_byte.recording_id} <= set(ids)
    assert len(set(ids)) == len(ids)
    ages = [shown["created_at"] for shown in listed]
    assert ages == sorted(ages, reverse=True)
    check_recording(listed[ids.index(media.recording_id)], media)


async def test_the_list_is_paged(site: Gateway, media: Media, one_byte: Media) -> None:
    everything = (await fetch(site, "/recordings?limit=200"))["recordings"]
    first = (await fetch(site, "/recordings?limit=1"))["recordings"]
    second = (await fetch(site, "/recordings?limit=1&offset=1"))["recordings"]
    assert first + second == everything[:2]
    assert await fetch(site, "/recordings?offset=1000000") == {"recordings": []}


async def test_the_list_can_be_filtered_by_meeting(site: Gateway, media: Media, met: Media) -> None:
    meeting_id = (await fetch(site, f"/recordings/{met.recording_id}"))["meeting_id"]
    listed = (await fetch(site, f"/recordings?meeting_id={meeting_id}"))["recordings"]
    assert [shown["id"] for shown in listed] == [met.recording_id]
    assert await fetch(site, "/recordings?meeting_id=1") == {"recordings": []}


# fmt: off
NOT_VALID: Final = (
    ("limit-zero", "/recordings?limit=0", ["query", "limit"], "0"),
    ("limit-over-200", "/recordings?limit=201", ["query", "limit"], "201"),
    ("limit-negative", "/recordings?limit=-1", ["query", "limit"], "-1"),
    ("limit-a-word", "/recordings?limit=many", ["query", "limit"], "many"),
    ("limit-empty", "/recordings?limit=", ["query", "limit"], ""),
    ("limit-a-fraction", "/recordings?limit=1.5", ["query", "limit"], "1.5"),
    ("limit-of-5000-digits", "/recordings?limit=" + "9" * 5000, ["query", "limit"], "9" * 5000),
    ("limit-with-a-nul", "/recordings?limit=%00", ["query", "limit"], "\x00"),
    ("limit-not-utf-8", "/recordings?limit=%ff", ["query", "limit"], None),
    ("offset-negative", "/recordings?offset=-1", ["query", "offset"], "-1"),
    ("offset-a-word", "/recordings?offset=x", ["query", "offset"], "x"),
    ("meeting-a-word", "/recordings?meeting_id=x", ["query", "meeting_id"], "x"),
    ("recording-a-word", "/recordings/x", ["path", "recording_id"], "x"),
    ("recording-of-the-raw-route", "/recordings/x/media/1/raw", ["path", "recording_id"], "x"),
    ("media-of-the-raw-route", "/recordings/1/media/x/raw", ["path", "media_file_id"], "x"),
    ("master-of-no-type", "/recordings/1/master?type=smell", ["query", "type"], "smell"),
)
# fmt: on


@pytest.mark.parametrize(("id", "target", "loc", "given"), NOT_VALID, ids=[row[0] for row in NOT_VALID])
async def test_a_parameter_that_is_not_valid_gets_422_with_its_field(
    site: Gateway, id: str, target: str, loc: list[str], given: str | None
) -> None:
    body = await fetch(site, target, status=422)
    assert set(body) == {"detail"}
    (fault,) = body["detail"]
    assert set(fault) == {"type", "loc", "msg", "input"}
    assert fault["loc"] == loc
    assert isinstance(fault["type"], str)
    assert isinstance(fault["msg"], str)
    if given is not None:
        assert str(fault["input"]) == given


async def test_the_error_names_every_invalid_parameter(site: Gateway) -> None:
    body = await fetch(site, "/recordings?limit=0&offset=-1&meeting_id=x", status=422)
    assert [fault["loc"][1] for fault in body["detail"]] == ["limit", "offset", "meeting_id"]


# fmt: off
ABSENT: Final = (
    ("recording", "GET", "/recordings/100000000000", "Recording not found"),
    ("recording-zero", "GET", "/recordings/0", "Recording not found"),
    ("recording-negative", "GET", "/recordings/-5", "Recording not found"),
    ("recording-past-64-bits", "GET", "/recordings/99999999999999999999", "Recording not found"),
    ("recording-to-delete", "DELETE", "/recordings/100000000000", "Recording not found"),
    ("master-of-no-recording", "GET", "/recordings/100000000000/master?type=audio", "Recording not found"),
    ("master-of-a-type-it-lacks", "GET", "/recordings/$rid/master?type=video", None),
    ("raw-of-no-recording", "GET", "/recordings/100000000000/media/100000000000/raw", "Recording not found"),
    ("raw-of-no-media", "GET", "/recordings/$rid/media/100000000000/raw", "Media file not found"),
    ("raw-of-anothers-media", "GET", "/recordings/$rid/media/$other/raw", "Media file not found"),
    ("raw-past-64-bits", "GET", "/recordings/$rid/media/99999999999999999999/raw", "Media file not found"),
    ("download-of-no-media", "GET", "/recordings/$rid/media/100000000000/download", "Media file not found"),
    ("playback-url-of-no-media", "POST", "/recordings/$rid/media/100000000000/playback-url", "Media file not found"),
    ("waveform-of-no-media", "GET", "/recordings/$rid/media/100000000000/waveform", "Media file not found"),
    ("transcript-of-no-recording", "GET", "/recordings/100000000000/transcript", "Recording not found"),
    ("transcript-past-64-bits", "GET", "/recordings/99999999999999999999/transcript", "Recording not found"),
    ("transcript-of-no-meeting", "GET", "/recordings/$rid/transcript", "Transcript not found"),
    ("transcript", "GET", "/transcripts/zoom/none", "Meeting not found for platform zoom and ID none"),
    ("transcript-in-percent", "GET", "/transcripts/z%20m/%C3%A4%2F1", "Meeting not found for platform z m and ID \u00e4/1"),
    ("transcript-with-a-nul", "GET", "/transcripts/zoom/%00", "Meeting not found for platform zoom and ID \x00"),
)
# fmt: on


@pytest.mark.parametrize(("id", "method", "target", "words"), ABSENT, ids=[row[0] for row in ABSENT])
async def test_a_resource_that_does_not_exist_gets_404_with_this_text(
    site: Gateway, media: Media, one_byte: Media, id: str, method: str, target: str, words: str | None
) -> None:
    target = target.replace("$rid", str(media.recording_id)).replace("$other", str(one_byte.media_file_id))
    body = await fetch(site, target, method=method, status=404)
    assert set(body) == {"detail"}
    assert body["detail"] in ([words] if words else ["Recording not found", "Media file not found"])


async def test_an_unknown_route_is_404_in_the_dialects_shape(site: Gateway) -> None:
    response = await call(site, "/no/such/page", key=site.key)
    assert response.status == 404
    assert set(document(response)) == {"detail"}


async def test_download_describes_the_file(site: Gateway, media: Media) -> None:
    response = await fetch(site, media.target.replace("/raw", "/download"))
    assert set(response) == DOWNLOAD_FIELDS
    assert response["download_url"] == response["url"]
    assert response["filename"] == f"{media.recording_id}_audio.mp3"
    assert (response["content_type"], response["file_size_bytes"]) == (media.content_type, len(media.content))
    assert response["expires_in"] > 0


async def test_master_is_the_download_with_the_raw_url(site: Gateway, media: Media) -> None:
    response = await fetch(site, f"/recordings/{media.recording_id}/master?type=audio")
    assert set(response) == MASTER_FIELDS
    assert response["media_file_id"] == media.media_file_id
    assert response["raw_url"].endswith(media.target)
    assert (await call(site, target_of(response["url"]))).body == media.content


async def test_the_raw_route_names_its_file(site: Gateway, media: Media) -> None:
    response = await call(site, media.target, key=site.key)
    assert response.head["Content-Disposition"] == f'inline; filename="{media.recording_id}_audio.mp3"'


async def test_a_recordings_transcript_is_that_of_its_meeting(site: Gateway, met: Media) -> None:
    meeting = await fetch(site, "/transcripts/zoom/conformance-meeting")
    assert await fetch(site, f"/recordings/{met.recording_id}/transcript") == meeting


async def test_an_older_meeting_is_found_by_its_id(site: Gateway, met: Media) -> None:
    newest = await fetch(site, "/transcripts/zoom/conformance-meeting")
    query = f"?meeting_id={newest['id']}"
    assert await fetch(site, f"/transcripts/zoom/conformance-meeting{query}") == newest
    for target, status in (
        (f"/transcripts/zoom/another-room{query}", 404),
        ("/transcripts/zoom/conformance-meeting?meeting_id=1", 404),
        ("/transcripts/zoom/conformance-meeting?meeting_id=first", 422),
    ):
        assert (await call(site, target, key=site.key)).status == status


async def test_a_transcript_includes_its_recordings(site: Gateway, met: Media) -> None:
    response = await fetch(site, "/transcripts/zoom/conformance-meeting")
    assert response["segments"][0] == {
        "start": 0.0,
        "end": 1.0,
        "text": "Good morning.",
        "speaker": "Speaker",
        "language": "en",
        "absolute_start_time": None,
        "absolute_end_time": None,
        "completed": True,
        "segment_id": None,
        "created_at": None,
    }
    assert [segment["text"] for segment in response["segments"]] == ["Good morning.", "And now the news."]
    (shown,) = response["recordings"]
    urls = shown.pop("playback_url")
    check_recording(shown, met)
    assert urls == {"audio": f"/recordings/{met.recording_id}/master?type=audio", "video": None}
    assert (await fetch(site, urls["audio"]))["media_file_id"] == met.media_file_id
