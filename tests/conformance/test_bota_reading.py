"""Bota's dialect, reading: shapes, lists, pages, filters, and both dialects over one catalogue."""

import re
from typing import Final

import pytest

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
TO_THE_SECOND: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


async def test_a_recording_is_shown_whole(site: Gateway, media: Media) -> None:
    shown = await get(site, recording_of(media))
    assert set(shown) == RECORDING_FIELDS
    assert f"{RECORDINGS}/{shown['id']}" == recording_of(media)
    assert (shown["status"], shown["name"], shown["duration_ms"]) == ("completed", "media", 1000)
    assert TO_THE_SECOND.fullmatch(shown["created_at"])
    absent = ("device_id", "end_user_id", "started_at", "ended_at", "transcription_id", "metadata")
    assert [shown[field] for field in absent] == [None] * len(absent)


async def test_its_media_are_shown_whole(site: Gateway, media: Media) -> None:
    (file,) = (await get(site, recording_of(media)))["media"]
    assert set(file) == MEDIA_FIELDS
    assert (file["id"], file["type"], file["mime_type"]) == (media_id_of(media), "audio", media.content_type)
    assert (file["file_size_bytes"], file["status"], file["captured_at"]) == (len(media.content), "uploaded", None)
    assert TO_THE_SECOND.fullmatch(file["created_at"])


async def test_one_recording_is_the_same_in_both_dialects(site: Gateway, media: Media) -> None:
    bota, vexa = await get(site, recording_of(media)), await fetch(site, f"/recordings/{media.recording_id}")
    assert (bota["created_at"], bota["status"]) == (vexa["created_at"], vexa["status"])
    assert bota["media"][0]["file_size_bytes"] == vexa["media_files"][0]["file_size_bytes"]


async def test_a_recording_made_here_is_listed_there_with_its_status_in_their_words(site: Gateway) -> None:
    created = await create(site, name="for both")
    (vexa,) = (await fetch(site, "/recordings?limit=1"))["recordings"]
    assert (vexa["status"], vexa["source"], vexa["media_files"]) == ("in_progress", "upload", [])
    assert vexa["created_at"] == created["created_at"]
    assert await fetch(site, f"/recordings/{vexa['id']}", method="DELETE")
    check_error(await send(site, "GET", f"{RECORDINGS}/{created['id']}"), 404, "not_found")


async def test_either_credential_header_opens_either_dialect(site: Gateway, media: Media) -> None:
    assert (await call(site, recording_of(media), key=site.key)).status == 200
    assert (await send(site, "GET", f"/recordings/{media.recording_id}")).status == 200


async def test_the_list_is_newest_first_and_pages_meet(site: Gateway) -> None:
    names = [(await create(site, name=f"page {number}", device_id="pages"))["id"] for number in range(5)]
    pages = [await get(site, query(device_id="pages", limit=2, offset=offset)) for offset in (0, 2, 4, 6)]
    assert [page["has_more"] for page in pages] == [True, True, False, False]
    assert ["next_cursor" in page for page in pages] == [True, True, False, False]
    assert [shown["id"] for page in pages for shown in page["data"]] == names[::-1]


async def test_a_page_is_twenty_five_unless_another_number_is_asked_for(site: Gateway) -> None:
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


async def test_cursors_walk_through_everything_once(site: Gateway) -> None:
    ids = [(await create(site, end_user_id="walker"))["id"] for _ in range(7)]
    for limit in (1, 2, 3, 7):
        assert await walk(site, end_user_id="walker", limit=limit) == ids[::-1]


async def test_a_cursor_survives_what_is_added_and_deleted_meanwhile(site: Gateway) -> None:
    ids = [(await create(site, device_id="meanwhile"))["id"] for _ in range(5)]
    page = await get(site, query(device_id="meanwhile", limit=2))
    await create(site, device_id="meanwhile")
    assert (await send(site, "DELETE", f"{RECORDINGS}/{ids[3]}")).status == 204
    rest = await get(site, query(device_id="meanwhile", limit=9, cursor=page["next_cursor"]))
    assert [shown["id"] for shown in rest["data"]] == [ids[2], ids[1], ids[0]]


async def test_filters_are_all_meant_together(site: Gateway) -> None:
    wanted = await create(site, device_id="d1", end_user_id="u1")
    await create(site, device_id="d1", end_user_id="u2")
    await create(site, device_id="d2", end_user_id="u1")
    assert await walk(site, device_id="d1", end_user_id="u1") == [wanted["id"]]
    assert await walk(site, device_id="d1", end_user_id="u1", status="pending") == [wanted["id"]]
    assert await walk(site, device_id="d1", end_user_id="u1", status="failed") == []
    assert len(await walk(site, device_id="d1")) == 2


async def test_the_status_filter_sees_what_is_completed(site: Gateway, media: Media) -> None:
    shown = await get(site, query(status="completed", limit=100))
    assert {each["status"] for each in shown["data"]} == {"completed"}
    assert recording_of(media).rpartition("/")[2] in await walk(site, status="completed", limit=100)


async def test_neither_bound_of_the_time_is_meant_itself(site: Gateway) -> None:
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
        pytest.param("limit=ten", "limit", id="limit no number"),
        pytest.param("offset=-1", "offset", id="offset below nothing"),
        pytest.param("offset=9223372036854775808", "offset", id="offset beyond the database"),
        pytest.param("offset=" + "9" * 5000, "offset", id="offset of 5000 digits"),
        pytest.param("status=done", "status", id="unknown status"),
        pytest.param("device_id=" + "d" * 256, "device_id", id="device id too long"),
        pytest.param("end_user_id=%00", "end_user_id", id="end user id with NUL"),
        pytest.param("created_after=2026-01-01", "created_after", id="a day is no moment"),
        pytest.param("created_after=1735689600", "created_after", id="an epoch is no RFC 3339"),
        pytest.param("created_before=2026-01-01T00:00:00", "created_before", id="a moment without an offset"),
        pytest.param("created_before=2026-02-30T00:00:00Z", "created_before", id="a day that never is"),
        pytest.param("created_before=0001-01-01T00:00:00%2B01:00", "created_before", id="before the calendar"),
        pytest.param("created_after=9999-12-31T23:59:59-01:00", "created_after", id="beyond the calendar"),
        pytest.param("cursor=", "cursor", id="empty cursor"),
        pytest.param("cursor=garbage", "cursor", id="cursor of garbage"),
        pytest.param("cursor=" + "A" * 32, "cursor", id="cursor without its digest"),
    ],
)
async def test_a_bad_parameter_is_named(site: Gateway, parameters: str, field: str) -> None:
    check_error(await send(site, "GET", f"{RECORDINGS}?{parameters}"), 400, "invalid_request", field)


async def test_all_bad_parameters_are_named_at_once(site: Gateway) -> None:
    response = await send(site, "GET", f"{RECORDINGS}?limit=0&offset=-1&status=x&unknown=1")
    check_error(response, 400, "invalid_request", "limit", "offset", "status")


async def test_a_cursor_and_an_offset_do_not_go_together(site: Gateway) -> None:
    for _ in range(2):
        await create(site, device_id="both ways")
    page = await get(site, query(device_id="both ways", limit=1))
    response = await send(site, "GET", query(cursor=page["next_cursor"], offset=1))
    check_error(response, 400, "invalid_request", "offset")


@pytest.mark.parametrize("target", ["", "/download-url"])
async def test_what_is_no_id_is_not_found(site: Gateway, media: Media, target: str) -> None:
    good = recording_of(media)
    mistyped = good[:-1] + ("0" if good[-1] != "0" else "1")
    for wrong in (mistyped, good.upper().replace("/V1/RECORDINGS", RECORDINGS), f"{RECORDINGS}/{media.recording_id}"):
        method, body = ("POST", b'{"media_id":"x"}') if target else ("GET", None)
        check_error(await send(site, method, wrong + target, body), 404, "not_found")
    assert (await send(site, "GET", good)).status == 200


async def test_a_download_url_gives_the_bytes_without_a_header(site: Gateway, media: Media) -> None:
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
async def test_a_bad_download_request_is_named(site: Gateway, media: Media, body: bytes, field: str) -> None:
    response = await send(site, "POST", f"{recording_of(media)}/download-url", body)
    check_error(response, 400, "invalid_request", field)


async def test_deleting_is_for_both_dialects_and_once(site: Gateway, add_media: AddMedia) -> None:
    doomed = add_media("bota-doomed", b"soon gone")
    given = await post(site, f"{recording_of(doomed)}/download-url", {"media_id": media_id_of(doomed)}, status=200)
    response = await send(site, "DELETE", recording_of(doomed))
    assert (response.status, response.body) == (204, b"")
    for target in (f"/recordings/{doomed.recording_id}", doomed.target, target_of(given["download_url"])):
        assert (await call(site, target, key=site.key)).status == 404
    for method in ("GET", "DELETE"):
        check_error(await send(site, method, recording_of(doomed)), 404, "not_found")


async def test_what_another_owner_has_does_not_exist(site: Gateway, media: Media) -> None:
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
