"""Delivery plans: the whole response, decided without a byte being read."""

from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.protocol.conditional import Conditions
from gateway.protocol.delivery import DeliveryPlan, Representation, plan_delivery

NOW = 1_800_000_000.0
CONTENT = bytes(range(256)) * 8


def representation(size: int = len(CONTENT), last_modified: float = 1_700_000_000.9) -> Representation:
    return Representation(
        size=size,
        etag='"v1"',
        last_modified=last_modified,
        content_type="audio/mpeg",
        cache_control="max-age=60, private",
        disposition='inline; filename="a.mp3"',
        now=NOW,
    )


def plan(method: str = "GET", of: Representation | None = None, /, **fields: str) -> DeliveryPlan:
    return plan_delivery(
        method, Conditions(**cast("Any", fields)), of or representation(), boundary=lambda: "B", now=NOW, max_ranges=16
    )


def body(planned: DeliveryPlan) -> bytes:
    return b"".join(part if isinstance(part, bytes) else CONTENT[part.offset : part.end] for part in planned.body)


ALWAYS = {
    "ETag": '"v1"',
    "Last-Modified": "Tue, 14 Nov 2023 22:13:20 GMT",
    "Accept-Ranges": "bytes",
    "X-Content-Type-Options": "nosniff",
}
KEPT = ALWAYS | {"Cache-Control": "max-age=60, private"}
CONTENT_FIELDS = KEPT | {"Content-Type": "audio/mpeg", "Content-Disposition": 'inline; filename="a.mp3"'}
REFUSED = ALWAYS | {"Cache-Control": "max-age=0, no-store", "Content-Length": "0"}

HEADS: dict[str, tuple[str, dict[str, str], int, dict[str, str]]] = {
    "whole": ("GET", {}, 200, CONTENT_FIELDS | {"Content-Length": "2048"}),
    "head": ("HEAD", {}, 200, CONTENT_FIELDS | {"Content-Length": "2048"}),
    "head ignores range": ("HEAD", {"range": "bytes=0-1"}, 200, CONTENT_FIELDS | {"Content-Length": "2048"}),
    "range": (
        "GET",
        {"range": "bytes=1-2"},
        206,
        CONTENT_FIELDS | {"Content-Length": "2", "Content-Range": "bytes 1-2/2048"},
    ),
    "range of everything": (
        "GET",
        {"range": "bytes=0-"},
        206,
        CONTENT_FIELDS | {"Content-Length": "2048", "Content-Range": "bytes 0-2047/2048"},
    ),
    "unsatisfiable": ("GET", {"range": "bytes=2048-"}, 416, REFUSED | {"Content-Range": "bytes */2048"}),
    "not modified": ("GET", {"if_none_match": '"v1"'}, 304, KEPT),
    "head not modified": ("HEAD", {"if_none_match": '"v1"'}, 304, KEPT),
    "failed": ("GET", {"if_match": '"v2"'}, 412, REFUSED),
    "failed before unsatisfiable": ("GET", {"if_match": '"v2"', "range": "bytes=9999-"}, 412, REFUSED),
    "not modified before unsatisfiable": ("GET", {"if_none_match": '"v1"', "range": "bytes=9999-"}, 304, KEPT),
    "stale if-range": (
        "GET",
        {"if_range": '"v0"', "range": "bytes=1-2"},
        200,
        CONTENT_FIELDS | {"Content-Length": "2048"},
    ),
    "stale if-range before unsatisfiable": (
        "GET",
        {"if_range": '"v0"', "range": "bytes=9999-"},
        200,
        CONTENT_FIELDS | {"Content-Length": "2048"},
    ),
}


@pytest.mark.parametrize(("method", "fields", "status", "headers"), HEADS.values(), ids=HEADS)
def test_heads_are_exact(method: str, fields: dict[str, str], status: int, headers: dict[str, str]) -> None:
    planned = plan(method, None, **fields)
    assert planned.status == status
    assert dict(planned.headers) == headers
    assert len(planned.headers) == len(headers), "no field is sent twice"
    if method == "GET" and "Content-Length" in headers:
        assert planned.content_length == int(headers["Content-Length"])
    else:
        assert planned.body == ()


def test_last_modified_is_never_later_than_now() -> None:
    planned = plan("GET", representation(last_modified=NOW + 3600))
    assert dict(planned.headers)["Last-Modified"] == "Fri, 15 Jan 2027 08:00:00 GMT"


@pytest.mark.parametrize(
    ("header", "status", "content_range"),
    [("bytes=0-", 416, "bytes */0"), ("bytes=-0", 416, "bytes */0"), ("bytes=-5", 200, None), ("bytes=x", 200, None)],
)
def test_an_empty_object_is_served_without_a_lie(header: str, status: int, content_range: str | None) -> None:
    planned = plan("GET", representation(0), range=header)
    assert (planned.status, dict(planned.headers).get("Content-Range")) == (status, content_range)
    assert dict(planned.headers)["Content-Length"] == "0"
    assert planned.body == ()


def parts(planned: DeliveryPlan) -> list[tuple[str, str, bytes]]:
    """The parts as the standard library's MIME parser sees them."""
    content_type = dict(planned.headers)["Content-Type"]
    parsed = message_from_bytes(
        f"Content-Type: {content_type}\r\n\r\n".encode() + body(planned),
        policy=policy.HTTP,
        _class=EmailMessage,
    )
    assert not parsed.defects
    return [
        (part["Content-Type"], part["Content-Range"], cast("bytes", part.get_payload(decode=True)))
        for part in cast("list[EmailMessage]", parsed.get_payload())
    ]


def test_several_ranges_are_multipart_byteranges() -> None:
    planned = plan(range="bytes=0-9,1000-1009,-10")
    assert planned.status == 206
    assert "Content-Range" not in dict(planned.headers)
    assert dict(planned.headers)["Content-Length"] == str(len(body(planned)))
    assert parts(planned) == [
        ("audio/mpeg", "bytes 0-9/2048", CONTENT[:10]),
        ("audio/mpeg", "bytes 1000-1009/2048", CONTENT[1000:1010]),
        ("audio/mpeg", "bytes 2038-2047/2048", CONTENT[-10:]),
    ]


POSITION = st.one_of(st.just(""), st.integers(0, 2200).map(str))
SPEC = st.tuples(POSITION, POSITION).map("-".join)


@given(st.lists(SPEC, min_size=1, max_size=8).map(",".join))
def test_every_response_equals_slicing_the_bytes(specs: str) -> None:
    planned = plan(range=f"bytes={specs}")
    headers = dict(planned.headers)
    assert planned.status in {200, 206, 416}
    assert int(headers["Content-Length"]) == planned.content_length == len(body(planned))
    if planned.status == 200:
        assert body(planned) == CONTENT
    elif planned.status == 206 and "Content-Range" in headers:
        _assert_slice(headers["Content-Range"], body(planned))
    elif planned.status == 206:
        for _, content_range, payload in parts(planned):
            _assert_slice(content_range, payload)


def _assert_slice(content_range: str, payload: bytes) -> None:
    first, last = map(int, content_range.removeprefix("bytes ").removesuffix("/2048").split("-"))
    assert payload == CONTENT[first : last + 1]
