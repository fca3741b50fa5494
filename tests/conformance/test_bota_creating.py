"""Bota's dialect: creating recordings, whose description is returned as it was sent."""

import json
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conformance.bota_calls import RECORDINGS, check_error, create, get, post, send
from tests.conformance.raw_http import Response
from tests.gateway_process import Gateway

EVERYTHING: Final[dict[str, Any]] = {
    "device_id": "device-1",
    "end_user_id": "user-1",
    "name": "Überprüfung ☃ 🎧",
    "started_at": "2026-01-31T09:30:00Z",
    "ended_at": "2026-01-31T10:00:00Z",
    "metadata": {"room": {"floor": 3}, "tags": ["a", None, True]},
}

# What JSON parsers change: sizes and forms of numbers, escapes, order, duplicates and white space.
EXACT_METADATA: Final = {
    "an integer beyond 64 bits": b'{"n": 123456789012345678901234567890}',
    "an integer of 308 digits": b'{"n": ' + b"9" * 308 + b"}",
    "forms of numbers": b'{"a": 1.0, "b": 1.10, "c": 1e2, "d": 1E+2, "e": -0, "f": 0.1000000000000000055511151231257827}',
    "escapes": b'{"\\u00fc": "\\u0041\\/\\u0000\\ud83c\\udfa7", "raw": "\xc3\xbc\xf0\x9f\x8e\xa7"}',
    "the order of members": b'{"z": 1, "a": 2, "m": 3}',
    "doubled members": b'{"a": 1, "a": 2}',
    "white space": b'{ "a" :\t[ 1 ,\r\n 2 ] }',
    "words of our own": b'{"metadata": {"metadata": "}"}, "id": "rec_"}',
    "nothing": b"{}",
    "32 levels": b'{"a":' * 32 + b"1" + b"}" * 32,
    "16384 bytes": b'{"a":"' + b"x" * 16376 + b'"}',
}


def metadata_text(response: Response) -> bytes:
    """The octets of the metadata in a recording's JSON, of which it is the last but one member."""
    return response.body.partition(b'"metadata":')[2].rpartition(b',"created_at"')[0]


async def test_a_recording_is_returned_as_it_was_described(site: Gateway) -> None:
    shown = await create(site, **EVERYTHING)
    assert {name: shown[name] for name in EVERYTHING} == EVERYTHING
    assert (shown["status"], shown["media"], shown["duration_ms"], shown["transcription_id"]) == (
        "pending", [], None, None,
    )  # fmt: skip
    assert await get(site, f"{RECORDINGS}/{shown['id']}") == shown


@pytest.mark.parametrize("body", [b"{}", b' {"name":null,"device_id":null,"metadata":null,"ended_at":null} \n'])
async def test_every_member_is_optional(site: Gateway, body: bytes) -> None:
    response = await send(site, "POST", RECORDINGS, body)
    assert response.status == 201
    shown = json.loads(response.body)
    assert {shown[name] for name in EVERYTHING} == {None}


async def test_times_are_shown_in_utc_to_the_microsecond(site: Gateway) -> None:
    shown = await create(site, started_at="2026-01-31t10:30:00.999999999+01:00", ended_at="2026-01-31T09:30:01-00:00")
    assert (shown["started_at"], shown["ended_at"]) == ("2026-01-31T09:30:00.999999Z", "2026-01-31T09:30:01Z")


@pytest.mark.parametrize("metadata", EXACT_METADATA.values(), ids=EXACT_METADATA)
async def test_metadata_is_returned_byte_for_byte(site: Gateway, metadata: bytes) -> None:
    created = await send(site, "POST", RECORDINGS, b'{"name": "x", "metadata": ' + metadata + b', "device_id":"y"}')
    assert (created.status, metadata_text(created)) == (201, metadata)
    again = await send(site, "GET", f"{RECORDINGS}/{json.loads(created.body)['id']}")
    assert metadata_text(again) == metadata


@settings(
    max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture], deadline=None
)
@given(
    metadata=st.dictionaries(
        st.text(max_size=9),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
            max_leaves=9,
        ),
        max_size=4,
    ),
    indent=st.sampled_from([None, 1]),
    ascii=st.booleans(),
)
async def test_any_metadata_is_returned_byte_for_byte(
    site: Gateway, metadata: dict[str, Any], indent: int | None, *, ascii: bool
) -> None:
    text = json.dumps(metadata, indent=indent, ensure_ascii=ascii).encode()
    created = await send(site, "POST", RECORDINGS, b'{"metadata":' + text + b"}")
    assert (created.status, metadata_text(created)) == (201, text)


async def test_the_last_of_two_metadata_members_counts(site: Gateway) -> None:
    created = await send(site, "POST", RECORDINGS, b'{"metadata": {"a": 1}, "metadata": {"b": 2.50}}')
    assert metadata_text(created) == b'{"b": 2.50}'


BAD: Final = {
    "no body": (b"", "body"),
    "no JSON": (b"name=x", "body"),
    "half a JSON": (b'{"name": "x"', "body"),
    "JSON and more": (b"{} {}", "body"),
    "no UTF-8": (b'{"name": "\xff"}', "body"),
    "a byte order mark": (b"\xef\xbb\xbf{}", "body"),
    "a lone surrogate": (b'{"name": "\\ud800"}', "body"),
    "NaN": (b'{"metadata": {"a": NaN}}', "body"),
    "a number beyond all": (b'{"metadata": {"a": 1e999}}', "body"),
    "an integer of 5000 digits": (b'{"metadata": {"a": ' + b"9" * 5000 + b"}}", "body"),
    "a list": (b"[]", "body"),
    "null": (b"null", "body"),
    "very deep": (b"[" * 60_000, "body"),
    "deep metadata": (b'{"metadata": ' + b'{"a":' * 33 + b"1" + b"}" * 33 + b"}", "metadata"),
    "deep lists in metadata": (b'{"metadata": {"a":' + b"[" * 900 + b"]" * 900 + b"}}", "metadata"),
    "large metadata": (b'{"metadata": {"a":"' + b"x" * 16377 + b'"}}', "metadata"),
    "metadata no object": (b'{"metadata": [1]}', "metadata"),
    "metadata in a text": (b'{"metadata": "{}"}', "metadata"),
    "a number for a name": (b'{"name": 7}', "name"),
    "a long name": (b'{"name": "' + b"n" * 501 + b'"}', "name"),
    "NUL in a name": (b'{"name": "\\u0000"}', "name"),
    "a long device id": (b'{"device_id": "' + b"d" * 256 + b'"}', "device_id"),
    "true for an end user": (b'{"end_user_id": true}', "end_user_id"),
    "a day": (b'{"started_at": "2026-01-31"}', "started_at"),
    "an epoch": (b'{"started_at": 1769851800}', "started_at"),
    "a moment without an offset": (b'{"ended_at": "2026-01-31T09:30:00"}', "ended_at"),
    "the calendar's first moment": (b'{"started_at": "0001-01-01T00:00:00Z"}', "started_at"),
    "the calendar's last moment": (b'{"ended_at": "9999-12-31T23:59:59.9999999Z"}', "ended_at"),
    "a moment beyond the calendar": (b'{"ended_at": "9999-12-31T23:59:59-01:00"}', "ended_at"),
    "an end before the start": (
        b'{"started_at": "2026-01-31T09:30:01Z", "ended_at": "2026-01-31T10:30:00+01:00"}',
        "ended_at",
    ),
    "a misspelt member": (b'{"enduser_id": "x"}', "enduser_id"),
    "a status": (b'{"status": "completed"}', "status"),
}


@pytest.mark.parametrize(("body", "field"), BAD.values(), ids=BAD)
async def test_a_bad_body_is_refused_and_the_error_names_the_field(site: Gateway, body: bytes, field: str) -> None:
    check_error(await send(site, "POST", RECORDINGS, body), 400, "invalid_request", field)


async def test_the_error_names_all_bad_members(site: Gateway) -> None:
    response = await send(site, "POST", RECORDINGS, b'{"name": 1, "device_id": 2, "metadata": 3, "x": 4}')
    check_error(response, 400, "invalid_request", "name", "device_id", "metadata", "x")


async def test_the_error_names_the_first_of_many_bad_members(site: Gateway) -> None:
    body = json.dumps({f"unknown {number}": 0 for number in range(1000)}).encode()
    error = check_error(
        await send(site, "POST", RECORDINGS, body), 400, "invalid_request", *map("unknown {}".format, range(20))
    )
    assert len(json.dumps(error)) < 10_000


async def test_a_body_of_more_than_a_mebibyte_is_refused(site: Gateway) -> None:
    response = await send(site, "POST", RECORDINGS, b" " * (1024 * 1024 + 1))
    check_error(response, 413, "invalid_request")


async def test_names_with_line_ends_split_no_head(site: Gateway) -> None:
    name = "x\r\nSet-Cookie: a=b\r\n\r\n<script>"
    shown = await create(site, name=name, device_id=name, metadata={name: name})
    response = await send(site, "GET", f"{RECORDINGS}/{shown['id']}")
    assert response.head.get("Set-Cookie") is None
    assert json.loads(response.body)["metadata"] == {name: name}


async def test_a_key_without_the_scope_creates_nothing(site: Gateway) -> None:
    body = b'{"device_id": "forbidden"}'
    check_error(await send(site, "POST", RECORDINGS, body, key=site.read_only_key), 403, "forbidden")
    check_error(await send(site, "POST", RECORDINGS, body, key=""), 401, "unauthorized")
    assert (await get(site, f"{RECORDINGS}?device_id=forbidden"))["data"] == []


async def test_a_test_key_creates_test_data(site: Gateway) -> None:
    shown = await post(site, RECORDINGS, {"device_id": "test"}, status=201, key=site.test_key)
    assert [each["id"] for each in (await get(site, f"{RECORDINGS}?device_id=test", key=site.test_key))["data"]] == [
        shown["id"]
    ]
    assert (await get(site, f"{RECORDINGS}?device_id=test"))["data"] == []
