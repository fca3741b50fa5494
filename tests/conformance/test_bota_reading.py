"""Bota's dialect: reading recordings, lists, pages and filters; both dialects show the same recordings."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

import pytest

from gateway.protocol.cursor import encode_cursor
from tests.conformance.bota_calls import (
    RECORDINGS,
    check_error,
    create,
    get,
    media_id_of,
    post,
    query,
    recording_of,
    send,
)
from tests.conformance.calling import call, fetch, target_of
from tests.conformance.media import Media
from tests.conformance.objects import AddMedia
from tests.gateway_process import Gateway

RECORDING_FIELDS: Final = {
    "id", "device_id", "end_user_id", "name", "status", "duration_ms", "started_at", "ended_at", "transcription_id",
    "media", "metadata", "created_at",
}  # fmt: skip
MEDIA_FIELDS: Final = {"id", "type", "mime_type", "file_size_bytes", "status", "captured_at", "created_at"}
WHEN: Final = datetime(2026, 1, 31, tzinfo=UTC)
TO_THE_SECOND: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


async def test_a_recording_has_every_member(site: Gateway, media: Media) -> None:
    shown = await get(site, recording_of(media))
    assert set(shown) == RECORDING_FIELDS
    assert f"{RECORDINGS}/{shown['id']}" == recording_of(media)
    assert (shown["status"], shown["name"], shown["duration_ms"]) == ("completed", "media", 1000)
    assert TO_THE_SECOND.fullmatch(shown["created_at"])
    absent = ("device_id", "end_user_id", "started_at", "ended_at", "transcription_id", "metadata")
    assert [shown[field] for field in absent] == [None] * len(absent)


async def test_its_media_have_every_member(site: Gateway, media: Media) -> None:
    (file,) = (await get(site, recording_of(media)))["media"]
    assert set(file) == MEDIA_FIELDS
    assert (file["id"], file["type"], file["mime_type"]) == (media_id_of(media), "audio", media.content_type)
    assert (file["file_size_bytes"], file["status"], file["captured_at"]) == (len(media.content), "uploaded", None)
    assert TO_THE_SECOND.fullmatch(file["created_at"])


async def test_one_recording_is_the_same_in_both_dialects(site: Gateway, media: Media) -> None:
    bota, vexa = await get(site, recording_of(media)), await fetch(site, f"/recordings/{media.recording_id}")
    assert (bota["created_at"], bota["status"]) == (vexa["created_at"], vexa["status"])
    assert bota["media"][0]["file_size_bytes"] == vexa["media_files"][0]["file_size_bytes"]


async def test_a_recording_created_in_botas_dialect_is_listed_in_vexas_with_vexas_status(site: Gateway) -> None:
    created = await create(site, name="for both")
    (vexa,) = (await fetch(site, "/recordings?limit=1"))["recordings"]
    assert (vexa["status"], vexa["source"], vexa["media_files"]) == ("in_progress", "upload", [])
    assert vexa["created_at"] == created["created_at"]
    assert await fetch(site, f"/recordings/{vexa['id']}", method="DELETE")
    check_error(await send(site, "GET", f"{RECORDINGS}/{created['id']}"), 404, "not_found")


async def test_both_dialects_accept_both_credential_headers(site: Gateway, media: Media) -> None:
    assert (await call(site, recording_of(media), key=site.key)).status == 200
    assert (await send(site, "GET", f"/recordings/{media.recording_id}")).status == 200


async def test_the_list_is_newest_first_and_pages_are_contiguous(site: Gateway) -> None:
    names = [(await create(site, name=f"page {number}", device_id="pages"))["id"] for number in range(5)]
    pages = [await get(site, query(device_id="pages", limit=2, offset=offset)) for offset in (0, 2, 4, 6)]
    assert [page["has_more"] for page in pages] == [True, True, False, False]
    assert ["next_cursor" in page for page in pages] == [True, True, False, False]
    assert [shown["id"] for page in pages for shown in page["data"]] == names[::-1]


async def test_a_page_has_twenty_five_recordings_by_default(site: Gateway) -> None:
    for _ in range(26):
        await create(site, device_id="many")
    page = await get(site, query(device_id="many"))
    assert (len(page["data"]), page["has_more"]) == (25, True)
    page = await get(site, query(device_id="many", limit=100))
    assert (len(page["data"]), page["has_more"]) == (26, False)


async def walk(site: Gateway, **filters: str | int) -> list[str]:
    """The ids of all pages, by cursor."""
    page = await get(site, query(**filters))
    ids = [shown["id"] for shown in page["data"]]
    while page["has_more"]:
        page = await get(site, query(**filters, cursor=page["next_cursor"]))
        ids += [shown["id"] for shown in page["data"]]
    return ids


async def test_cursors_list_every_recording_once(site: Gateway) -> None:
    ids = [(await create(site, end_user_id="walker"))["id"] for _ in range(7)]
    for limit in (1, 2, 3, 7):
        assert await walk(site, end_user_id="walker", limit=limit) == ids[::-1]


async def test_a_cursor_stays_valid_while_recordings_are_added_and_deleted(site: Gateway) -> None:
    ids = [(await create(site, device_id="meanwhile"))["id"] for _ in range(5)]
    page = await get(site, query(device_id="meanwhile", limit=2))
    await create(site, device_id="meanwhile")
    assert (await send(site, "DELETE", f"{RECORDINGS}/{ids[3]}")).status == 204
    rest = await get(site, query(device_id="meanwhile", limit=9, cursor=page["next_cursor"]))
    assert [shown["id"] for shown in rest["data"]] == [ids[2], ids[1], ids[0]]


async def test_filters_are_combined_with_and(site: Gateway) -> None:
    wanted = await create(site, device_id="d1", end_user_id="u1")
    await create(site, device_id="d1", end_user_id="u2")
    await create(site, device_id="d2", end_user_id="u1")
    assert await walk(site, device_id="d1", end_user_id="u1") == [wanted["id"]]
    assert await walk(site, device_id="d1", end_user_id="u1", status="pending") == [wanted["id"]]
    assert await walk(site, device_id="d1", end_user_id="u1", status="failed") == []
    assert len(await walk(site, device_id="d1")) == 2


async def test_the_status_filter_finds_completed_recordings(site: Gateway, media: Media) -> None:
    shown = await get(site, query(status="completed", limit=100))
    assert {each["status"] for each in shown["data"]} == {"completed"}
    assert recording_of(media).rpartition("/")[2] in await walk(site, status="completed", limit=100)


async def test_both_bounds_of_the_time_are_exclusive(site: Gateway) -> None:
    await create(site, device_id="timed")
    everything = {"created_after": "2001-01-01T00:00:00+01:00", "created_before": "2999-12-31T23:59:59.999Z"}
    assert len(await walk(site, device_id="timed", **everything)) == 1
    assert await walk(site, device_id="timed", created_before="2001-01-01t00:00:00z") == []
    assert await walk(site, device_id="timed", created_after="2999-12-31T23:59:59-11:59") == []


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        pytest.param("limit=0", "limit", id="no limit"),
        pytest.param("limit=101", "limit", id="limit too high"),
        pytest.param("limit=ten", "limit", id="limit not a number"),
        pytest.param("offset=-1", "offset", id="offset below nothing"),
        pytest.param("offset=9223372036854775808", "offset", id="offset beyond the database"),
        pytest.param("offset=" + "9" * 5000, "offset", id="offset of 5000 digits"),
        pytest.param("status=done", "status", id="unknown status"),
        pytest.param("device_id=" + "d" * 256, "device_id", id="device id too long"),
        pytest.param("end_user_id=%00", "end_user_id", id="end user id with NUL"),
        pytest.param("created_after=2026-01-01", "created_after", id="a day without a time"),
        pytest.param("created_after=1735689600", "created_after", id="seconds since the epoch"),
        pytest.param("created_before=2026-01-01T00:00:00", "created_before", id="a moment without an offset"),
        pytest.param("created_before=2026-02-30T00:00:00Z", "created_before", id="a day that does not exist"),
        pytest.param("created_before=0001-01-01T00:00:00%2B01:00", "created_before", id="before the calendar"),
        pytest.param("created_after=9999-12-31T23:59:59-01:00", "created_after", id="beyond the calendar"),
        pytest.param("cursor=", "cursor", id="empty cursor"),
        pytest.param("cursor=garbage", "cursor", id="cursor of garbage"),
        pytest.param("cursor=" + "A" * 32, "cursor", id="cursor without its digest"),
        pytest.param("type=text", "type", id="unknown type"),
        pytest.param("min_duration_ms=-1", "min_duration_ms", id="negative duration"),
        pytest.param("max_duration_ms=1.5", "max_duration_ms", id="fraction of a millisecond"),
        pytest.param("max_duration_ms=9223372036854775808", "max_duration_ms", id="duration beyond the database"),
        pytest.param("sort=name", "sort", id="unknown order"),
        pytest.param("include=everything", "include", id="unknown addition"),
        *(
            pytest.param(
                f"sort={text.split()[0]}&cursor={encode_cursor(WHEN, 1, text)}", "cursor", id=f"cursor of {text}"
            )
            for text in ("-duration nan", "-duration x", "-type a\0b", "type A", "duration 1 2")
        ),
    ],
)
async def test_the_error_names_a_bad_parameter(site: Gateway, parameters: str, field: str) -> None:
    check_error(await send(site, "GET", f"{RECORDINGS}?{parameters}"), 400, "invalid_request", field)


async def test_the_error_names_all_bad_parameters(site: Gateway) -> None:
    response = await send(site, "GET", f"{RECORDINGS}?limit=0&offset=-1&status=x&unknown=1")
    check_error(response, 400, "invalid_request", "limit", "offset", "status")


@pytest.mark.parametrize("column", ["created_at", "duration", "type", "status"])
async def test_cursors_of_every_order_list_every_recording_once_and_backwards(
    site: Gateway, media: Media, column: str
) -> None:
    for _ in range(3):
        await create(site)
    up, down = [await walk(site, sort=sort, limit=3) for sort in (column, f"-{column}")]
    assert len(set(up)) == len(up)
    assert set(up) == set(await walk(site, limit=100))
    unknown = set(await walk(site, limit=100)) - set(await walk(site, limit=100, min_duration_ms=0))
    if column == "duration":
        assert set(up[-len(unknown) :]) == set(down[-len(unknown) :]) == unknown
        up, down = [[each for each in ids if each not in unknown] for ids in (up, down)]
    assert up == down[::-1]


async def test_a_cursor_of_another_order_is_refused(site: Gateway) -> None:
    for _ in range(2):
        await create(site)
    cursors = {sort: (await get(site, query(limit=1, sort=sort)))["next_cursor"] for sort in ("-created_at", "type")}
    for sort, cursor in (
        ("type", cursors["-created_at"]),
        ("created_at", cursors["-created_at"]),
        ("-type", cursors["type"]),
    ):
        check_error(await send(site, "GET", query(sort=sort, cursor=cursor)), 400, "invalid_request", "cursor")


async def test_a_duration_is_compared_as_it_is_shown(site: Gateway, media: Media) -> None:
    shown = await get(site, recording_of(media))
    exactly = {"min_duration_ms": shown["duration_ms"], "max_duration_ms": shown["duration_ms"]}
    assert shown["id"] in await walk(site, limit=100, **exactly)
    assert shown["id"] in await walk(site, limit=100, type="audio", sort="duration", **exactly)
    assert shown["id"] not in await walk(site, limit=100, min_duration_ms=shown["duration_ms"] + 1)
    assert shown["id"] not in await walk(site, limit=100, type="video")


async def test_the_origin_is_shown_where_it_is_asked_for(site: Gateway, met: Media) -> None:
    origin = {"source": "upload", "meeting": {"platform": "zoom", "native_meeting_id": "conformance-meeting"}}
    shown = await get(site, f"{recording_of(met)}?include=origin")
    assert (set(shown), shown["origin"]) == (RECORDING_FIELDS | {"origin"}, origin)
    later = datetime.fromisoformat(shown["created_at"]) + timedelta(seconds=1)
    listed = (await get(site, query(include="origin", limit=100, created_before=later.isoformat())))["data"]
    assert [each["origin"] for each in listed if each["id"] == shown["id"]] == [origin]
    made = await create(site)
    assert (await get(site, f"{RECORDINGS}/{made['id']}?include=origin"))["origin"] == {
        "source": "upload",
        "meeting": None,
    }


async def test_a_cursor_with_an_offset_is_refused(site: Gateway) -> None:
    for _ in range(2):
        await create(site, device_id="both ways")
    page = await get(site, query(device_id="both ways", limit=1))
    response = await send(site, "GET", query(cursor=page["next_cursor"], offset=1))
    check_error(response, 400, "invalid_request", "offset")


@pytest.mark.parametrize("target", ["", "/download-url"])
async def test_text_that_is_not_an_id_is_not_found(site: Gateway, media: Media, target: str) -> None:
    good = recording_of(media)
    mistyped = good[:-1] + ("0" if good[-1] != "0" else "1")
    for wrong in (mistyped, good.upper().replace("/V1/RECORDINGS", RECORDINGS), f"{RECORDINGS}/{media.recording_id}"):
        method, body = ("POST", b'{"media_id":"x"}') if target else ("GET", None)
        check_error(await send(site, method, wrong + target, body), 404, "not_found")
    assert (await send(site, "GET", good)).status == 200


async def test_a_download_url_needs_no_header(site: Gateway, media: Media) -> None:
    given = await post(site, f"{recording_of(media)}/download-url", {"media_id": media_id_of(media)}, status=200)
    assert set(given) == {"download_url", "media_id", "content_type", "file_size_bytes", "expires_at"}
    assert given["media_id"] == media_id_of(media)
    assert (given["content_type"], given["file_size_bytes"]) == (media.content_type, len(media.content))
    assert TO_THE_SECOND.fullmatch(given["expires_at"])
    response = await call(site, target_of(given["download_url"]))
    assert response.body == media.content
    assert response.head["Content-Disposition"].startswith("attachment")


@pytest.mark.parametrize("media_id", ["", "med_0000000000", "rec_0000000000", "é", "mistyped", "another's"])
async def test_media_of_another_recording_or_none_are_not_found(
    site: Gateway, media: Media, one_byte: Media, media_id: str
) -> None:
    chosen = {"mistyped": media_id_of(media)[:-1], "another's": media_id_of(one_byte)}.get(media_id, media_id)
    body = f'{{"media_id": "{chosen}"}}'.encode()
    check_error(await send(site, "POST", f"{recording_of(media)}/download-url", body), 404, "not_found")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        pytest.param(b"{}", "media_id", id="left out"),
        pytest.param(b'{"media_id": 7}', "media_id", id="a number"),
        pytest.param(b'{"media_id": null}', "media_id", id="null"),
        pytest.param(b"", "body", id="no body"),
        pytest.param(b"[]", "body", id="no object"),
    ],
)
async def test_the_error_names_a_bad_download_request(site: Gateway, media: Media, body: bytes, field: str) -> None:
    response = await send(site, "POST", f"{recording_of(media)}/download-url", body)
    check_error(response, 400, "invalid_request", field)


async def test_a_recording_is_deleted_once_in_both_dialects(site: Gateway, add_media: AddMedia) -> None:
    doomed = add_media("bota-doomed", b"soon gone")
    given = await post(site, f"{recording_of(doomed)}/download-url", {"media_id": media_id_of(doomed)}, status=200)
    response = await send(site, "DELETE", recording_of(doomed))
    assert (response.status, response.body) == (204, b"")
    for target in (f"/recordings/{doomed.recording_id}", doomed.target, target_of(given["download_url"])):
        assert (await call(site, target, key=site.key)).status == 404
    for method in ("GET", "DELETE"):
        check_error(await send(site, method, recording_of(doomed)), 404, "not_found")


async def test_another_owners_recording_is_not_found(site: Gateway, media: Media) -> None:
    body = f'{{"media_id": "{media_id_of(media)}"}}'.encode()
    for key in (site.other_key, site.test_key):
        for method, target, sent in (
            ("GET", recording_of(media), None),
            ("DELETE", recording_of(media), None),
            ("POST", f"{recording_of(media)}/download-url", body),
        ):
            check_error(await send(site, method, target, sent, key=key), 404, "not_found")
        ids = [shown["id"] for shown in (await get(site, query(limit=100), key=key))["data"]]
        assert recording_of(media).rpartition("/")[2] not in ids
    assert await get(site, recording_of(media))
