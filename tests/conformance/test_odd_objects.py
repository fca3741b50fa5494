"""Unusual objects: empty, of one byte, beyond 4 GiB, modified in the future."""

import time
from email.utils import parsedate_to_datetime
from typing import Final

import pytest

from tests.conformance.ask import Ask
from tests.conformance.calling import call
from tests.conformance.media import Media
from tests.conformance.table import Row, ranged
from tests.gateway_process import Gateway

FIVE_GIB: Final = 5 * 1024**3

# fmt: off
EMPTY: Final = (
    Row("no-range", (), 200),
    Row("head", (), 200, method="HEAD"),
    ranged("open-from-zero", "bytes=0-", 416, "*"),
    ranged("first-byte", "bytes=0-0", 416, "*"),
    ranged("start-past-size", "bytes=1-", 416, "*"),
    ranged("suffix-fits-but-is-not-206", "bytes=-1", 200),
    ranged("long-suffix-fits-but-is-not-206", "bytes=-500", 200),
    ranged("suffix-of-nothing", "bytes=-0", 416, "*"),
    ranged("suffix-beside-a-start-past-size", "bytes=0-0,-1", 200),
    ranged("nothing-fits", "bytes=0-,-0", 416, "*"),
    ranged("malformed", "bytes=x", 200),
    Row("unchanged", (("If-None-Match", "$etag"), ("Range", "bytes=0-")), 304),
    Row("stale-if-range", (("If-Range", '"stale"'), ("Range", "bytes=0-")), 200),
)

ONE_BYTE: Final = (
    Row("no-range", (), 200),
    ranged("first-byte", "bytes=0-0", 206, "0-0"),
    ranged("open-from-zero", "bytes=0-", 206, "0-0"),
    ranged("clamped-as-safari-probes", "bytes=0-1", 206, "0-0"),
    ranged("suffix-of-one", "bytes=-1", 206, "0-0"),
    ranged("suffix-of-more", "bytes=-2", 206, "0-0"),
    ranged("suffix-of-nothing", "bytes=-0", 416, "*"),
    ranged("start-at-size", "bytes=1-", 416, "*"),
    ranged("twice", "bytes=0-0,0-0", 206, "0-0"),
    ranged("from-both-ends", "bytes=0-0,-1", 206, "0-0"),
)
# fmt: on


@pytest.mark.parametrize("row", EMPTY, ids=lambda row: row.id)
async def test_an_empty_object_is_answered_as_the_row_says(ask: Ask, empty: Media, row: Row) -> None:
    await ask(row, empty)


@pytest.mark.parametrize("row", ONE_BYTE, ids=lambda row: row.id)
async def test_an_object_of_one_byte_is_answered_as_the_row_says(ask: Ask, one_byte: Media, row: Row) -> None:
    await ask(row, one_byte)


async def test_last_modified_is_rounded_down_to_the_second(media: Media) -> None:
    assert media.last_modified == "Tue, 05 Mar 2024 06:07:08 GMT"


async def test_an_object_beyond_4_gib_is_served_from_the_right_offsets(site: Gateway) -> None:
    ids = site.add("huge", b"start", "mp3")
    with site.path_of("huge").open("r+b") as file:
        file.seek(FIVE_GIB - 3)  # a hole of five gigabytes takes no space on the disk
        file.write(b"end")
    for value, content_range, body in (
        ("bytes=-4", "5368709116-5368709119", b"\x00end"),
        ("bytes=5368709117-", "5368709117-5368709119", b"end"),
        ("bytes=4294967295-4294967296", "4294967295-4294967296", bytes(2)),
        ("bytes=0-5", "0-5", b"start\x00"),
    ):
        fields = [("Range", value)]
        response = await call(site, f"/recordings/{ids[0]}/media/{ids[1]}/raw", key=site.key, fields=fields)
        assert response.head["Content-Range"] == f"bytes {content_range}/5368709120"
        assert (response.status, response.body) == (206, body)


async def test_last_modified_of_a_file_from_the_future_is_not_later_than_date(ask: Ask, site: Gateway) -> None:
    # RFC 9110 section 8.8.2.1: an origin server must not send a Last-Modified later than its Date.
    ids = site.add("from-the-future", b"not yet", "mp3", modified_at=time.time() + 3600)
    response = await call(site, f"/recordings/{ids[0]}/media/{ids[1]}/raw", key=site.key)
    assert response.status == 200
    assert parsedate_to_datetime(response.head["Last-Modified"]) <= parsedate_to_datetime(response.head["Date"])
