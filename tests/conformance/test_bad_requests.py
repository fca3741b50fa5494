"""Requests that RFC 9112 forbids get a 4xx or the end of the connection, never a 5xx and never media bytes."""

import re
from typing import Final

import pytest

from tests.conformance.ask import exchange
from tests.conformance.media import Media
from tests.conformance.raw_http import Head, compose, connect
from tests.gateway_process import Gateway

# fmt: off
BROKEN: Final = {
    "not-http": b"hello\r\n\r\n",
    "no-version": b"GET $target\r\n\r\n",
    "unknown-version": b"GET $target HTTP/3.7\r\nHost: x\r\n\r\n",
    "space-before-a-colon": b"GET $target HTTP/1.1\r\nHost: x\r\nRange : bytes=0-4\r\n\r\n",
    "field-without-a-colon": b"GET $target HTTP/1.1\r\nHost: x\r\nRange\r\n\r\n",
    "control-character-in-a-value": b"GET $target HTTP/1.1\r\nHost: x\r\nRange: bytes=0-4\x00\r\n\r\n",
    "bare-carriage-return-in-a-value": b"GET $target HTTP/1.1\r\nHost: x\r\nRange: bytes=0-4\rX: y\r\n\r\n",
    "two-lengths": b"GET $target HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "length-with-a-plus": b"GET $target HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\na",
    "length-and-chunks": b"GET $target HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "bad-chunk": b"GET $target HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n\r\n",
    "range-of-64-kib": b"GET $target HTTP/1.1\r\nHost: x\r\nRange: bytes=" + b"1-2," * 16384 + b"\r\n\r\n",
    "target-of-64-kib": b"GET $target?" + b"a" * 65536 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
}
# fmt: on


@pytest.mark.parametrize("octets", BROKEN.values(), ids=BROKEN.keys())
async def test_a_broken_request_is_refused(site: Gateway, media: Media, octets: bytes) -> None:
    credential = b"\r\nX-API-Key: " + site.key.encode() + b"\r\n\r\n"
    async with connect(site.host, site.port) as connection:
        await connection.send(octets.replace(b"$target", media.target.encode()).replace(b"\r\n\r\n", credential, 1))
        response = await connection.read_some(4096)
    assert not response or re.match(rb"HTTP/1\.[01] 4[0-9]{2} ", response), response


async def test_a_range_field_of_8000_bytes_is_ignored_as_too_long_a_list(site: Gateway, media: Media) -> None:
    field = ("Range", "bytes=" + "0-0," * 1990 + "7-7")
    response = await exchange(site, compose("GET", media.target, [("X-API-Key", site.key), field], host=site.authority))
    assert (response.status, response.body) == (200, media.content)


# fmt: off
FIELDS: Final = (
    "Accept", "Accept-Encoding", "Authorization", "Cookie", "Expect", "Forwarded", "If-Match", "If-Modified-Since",
    "If-None-Match", "If-Range", "If-Unmodified-Since", "Origin", "Range", "Referer", "User-Agent", "X-API-Key",
    "X-Forwarded-For", "X-Request-Id", "traceparent",
)
TARGETS: Final = (
    "/%ff", "/%00", "/%0d%0aX:%20y", "/recordings/%ff", "/recordings/1/media/%ff/raw", "/transcripts/%ff/%fe",
    "/transcripts/zoom/%ed%a0%80", "/recordings?limit=%ff", "/recordings?%ff=1", "/recordings?limit=%00",
    "$target?sig=%ff&exp=%fe&kid=%00", "$target?%ff", "/\xff", "//", "/../../etc/passwd", "/player/000000000000/%2e%2e", "/player/%2e%2e/%ff", "*",
)
# fmt: on


@pytest.mark.parametrize("name", FIELDS)
async def test_octets_that_are_not_text_in_any_field_do_no_harm(site: Gateway, media: Media, name: str) -> None:
    fields: list[tuple[str, str | bytes]] = [("X-API-Key", site.key), (name, b"\xff\xfe\xed\xa0\x80 \xc3\xa4")]
    response = await exchange(site, compose("GET", media.target, fields, host=site.authority))
    assert response.status < 500


async def test_an_unknown_expectation_fails(site: Gateway, media: Media) -> None:
    fields = [("X-API-Key", site.key), ("Expect", "a miracle")]
    response = await exchange(site, compose("GET", media.target, fields, host=site.authority))
    assert response.status == 417


@pytest.mark.parametrize("target", TARGETS)
async def test_octets_that_are_not_text_in_a_target_do_no_harm(site: Gateway, media: Media, target: str) -> None:
    octets = compose("GET", target.replace("$target", media.target), [("X-API-Key", site.key)], host=site.authority)
    response = await exchange(site, octets)
    assert response.status < 500


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND", "LOCK"])
async def test_other_methods_get_405_with_the_allowed_ones(site: Gateway, media: Media, method: str) -> None:
    fields = [("X-API-Key", site.key), ("Content-Length", "0")]
    response = await exchange(site, compose(method, media.target, fields, host=site.authority), method)
    assert response.status == 405
    assert allowed(response.head) == {"GET", "HEAD", "OPTIONS"}


async def test_a_405_has_no_media_bytes(site: Gateway, media: Media) -> None:
    fields = [("X-API-Key", site.key), ("Content-Length", "4"), ("Range", "bytes=0-4")]
    response = await exchange(site, compose("POST", media.target, fields, host=site.authority, body=b"data"), "POST")
    assert response.status == 405
    assert media.content[:5] not in response.body


def allowed(head: Head) -> set[str]:
    return {method.strip() for method in head["Allow"].split(",")}
