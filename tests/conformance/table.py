"""A row of the conformance table, and the check of a response against it (RFC 9110 sections 13 to 15).

The expected outcomes are written in the rows; nothing is computed from a Range header here. `ranges` is the expected
Content-Range without unit and length: `0-4` for one part, `0-4,90-99` for a multipart of two in that order, `*` for a 416,
and nothing for a response without Content-Range.
"""

import re
from collections.abc import Mapping
from email import policy
from email.message import Message
from email.parser import BytesParser
from email.utils import parsedate_to_datetime
from types import MappingProxyType
from typing import Final, NamedTuple

from tests.conformance.media import Media
from tests.conformance.raw_http import Head, Response

NOTHING_MORE: Final[Mapping[str, str | None]] = MappingProxyType({})
DESCRIBED_STATUSES: Final = frozenset({200, 206, 304, 416})
STRONG_TAG: Final = re.compile(r'"[\x21\x23-\x7e]+"')  # RFC 9110 section 8.8.3, without W/


class Row(NamedTuple):
    """A request and its only correct response; `more` are response fields with their values, None for absent ones."""

    id: str
    sent: tuple[tuple[str, str | bytes], ...]
    status: int
    ranges: str = ""
    method: str = "GET"
    more: Mapping[str, str | None] = NOTHING_MORE


def ranged(id: str, value: str | bytes, status: int, ranges: str = "") -> Row:
    """A GET with a Range field."""
    return Row(id, (("Range", value),), status, ranges)


def check(row: Row, response: Response, media: Media) -> None:
    """Check the response against its row, the bytes of the object and the fields that every response must have."""
    head = response.head
    assert head.status == row.status, f"{head} {response.body[:200]!r}"
    if head.status in DESCRIBED_STATUSES:
        check_description(head, media)
    check_body(row, response, media)
    for name, value in row.more.items():
        assert head.get(name) == value, name


def check_description(head: Head, media: Media) -> None:
    """Check the fields that 200, 206, 304 and 416 have in common."""
    assert STRONG_TAG.fullmatch(head["ETag"])
    assert head["ETag"] == media.etag
    assert head["Last-Modified"] == media.last_modified
    assert parsedate_to_datetime(head["Last-Modified"]) <= parsedate_to_datetime(head["Date"])
    assert head["Accept-Ranges"] == "bytes"
    assert head["X-Content-Type-Options"] == "nosniff"
    if head.status == 416:
        # A cache would otherwise answer the next request, for another range, with it.
        assert "no-store" in head["Cache-Control"]
    else:
        # Chromium parses max-age only as the first token.
        assert head["Cache-Control"].startswith("max-age=")
    assert head.get("Content-Encoding") is None
    assert head.get("Set-Cookie") is None


def check_body(row: Row, response: Response, media: Media) -> None:
    """Check that the body has the object's bytes, and that Content-Range describes them correctly."""
    head = response.head
    if head.status == 206 and "," in row.ranges:
        check_multipart(row.ranges, response, media)
    elif head.status in {206, 416}:
        assert head["Content-Range"] == f"bytes {row.ranges}/{len(media.content)}"
    else:
        assert head.get("Content-Range") is None
    if head.status == 206 and "," not in row.ranges:
        assert head["Content-Type"] == media.content_type
        assert response.body == media.slice(row.ranges)
    if head.status == 200:
        check_whole(row, response, media)
    if head.status == 304:
        assert head.get("Content-Length") in {None, str(len(media.content))}


def check_whole(row: Row, response: Response, media: Media) -> None:
    """Check a 200: the whole object for GET; for HEAD the same fields without a body."""
    assert response.head["Content-Type"] == media.content_type
    assert response.head["Content-Length"] == str(len(media.content))
    assert response.body == (b"" if row.method == "HEAD" else media.content)


def check_multipart(ranges: str, response: Response, media: Media) -> None:
    """Check that each part has the bytes that its Content-Range names, in the order of the row."""
    parts = parse_multipart(response)
    assert ",".join(parts_ranges(parts, media)) == ranges
    for span, (_, content_type, body) in zip(ranges.split(","), parts, strict=True):
        assert content_type == media.content_type
        assert body == media.slice(span)


def parts_ranges(parts: list[tuple[str, str, bytes]], media: Media) -> list[str]:
    """The `first-last` of each part; checks unit and length."""
    suffix = f"/{len(media.content)}"
    assert all(content_range.startswith("bytes ") and content_range.endswith(suffix) for content_range, _, _ in parts)
    return [content_range.removeprefix("bytes ").removesuffix(suffix) for content_range, _, _ in parts]


def parse_multipart(response: Response) -> list[tuple[str, str, bytes]]:
    """(Content-Range, Content-Type, body) of each part, read by the standard library's MIME parser.

    RFC 9110 section 15.3.7.2: no Content-Range outside the parts. RFC 2046 section 5.1.1: nothing
    but the line end around the boundaries here, so that Content-Length is no larger than it must be.
    """
    content_type = response.head["Content-Type"]
    assert content_type.startswith("multipart/byteranges")
    assert response.head.get("Content-Range") is None
    head = f"Content-Type: {content_type}\r\n\r\n".encode("ascii")
    message = BytesParser(policy=policy.HTTP).parsebytes(head + response.body)
    assert message.is_multipart()
    assert message.defects == []
    assert not message.preamble
    assert not message.epilogue
    return [(part["Content-Range"], part["Content-Type"], content(part)) for part in message.iter_parts()]


def content(part: Message) -> bytes:
    """The bytes of a part, which has no transfer encoding."""
    payload = part.get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload
