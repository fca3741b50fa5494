"""A request like one that was answered before gets the same response without being parsed."""

import asyncio
import os
import socket
from collections.abc import AsyncGenerator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gateway.catalog import Owner, Scope
from gateway.web.connections.client_connection import MAX_REFUSALS
from gateway.web.fast_path.head_keys import MAX_HEAD_BYTES
from storage_adapters.base import ObjectStat
from tests.conformance.raw_http import compose, connect
from tests.web.byte_route_site import SIZE, Site, new_media, running_site
from tests.web.fast_path.fast_requests import FIRST, ask, head, lasting


@pytest.fixture
async def site(tmp_path: Path) -> AsyncGenerator[Site]:
    async with running_site(tmp_path) as built:
        yield built


async def test_the_second_seek_is_not_parsed_and_answered_the_same(site: Site) -> None:
    async with connect("127.0.0.1", site.port) as client:
        first = await ask(client, head(site, FIRST))
        second = await ask(client, head(site, FIRST))
        third = await ask(client, head(site, "bytes=70000-135535"))
    assert site.slow_path_ranges == [FIRST]
    assert lasting(first) == lasting(second)
    assert first.head["X-Request-Id"] != second.head["X-Request-Id"]
    assert (third.status, third.body) == (206, site.content[70_000:135_536])


@pytest.mark.parametrize("asked", [FIRST, "bytes=5-", None, f"bytes={SIZE}-"])
async def test_the_access_log_says_the_same_of_both_ways(site: Site, asked: str | None) -> None:
    async with connect("127.0.0.1", site.port) as client:
        for _ in range(2):
            await ask(client, head(site, asked))
        await ask(client, head(site, FIRST, ("X-Request-Id", "last"), ("Connection", "close")))
        await client.expect_end()
    slow, fast = (await site.log_lines())[:2]
    own = {"time", "request_id", "milliseconds"}
    assert {name: fast[name] for name in fast.keys() - own} == {name: slow[name] for name in slow.keys() - own}
    assert fast["request_id"] != slow["request_id"]


async def test_a_head_with_more_fields_than_the_last_one_is_recognised_too(site: Site) -> None:
    """Safari asks for two bytes first, and then on the same connection with If-Range."""
    async with connect("127.0.0.1", site.port) as client:
        tag = (await ask(client, head(site, FIRST))).head["ETag"]
        for _ in range(3):
            probe = await ask(client, head(site, "bytes=0-1"))
            seek = await ask(client, head(site, "bytes=500-999", ("If-Range", tag)))
            assert (probe.body, seek.body) == (site.content[:2], site.content[500:1000])
    assert len(site.slow_path_ranges) == 2


async def test_the_first_request_of_a_connection_is_answered_too(site: Site) -> None:
    for start in range(4):
        async with connect("127.0.0.1", site.port) as client:
            response = await ask(client, head(site, f"bytes={start}-{start + 9}"))
            assert response.body == site.content[start : start + 10]
    assert len(site.slow_path_ranges) == 1


async def test_a_request_that_arrives_with_its_connection_is_answered(site: Site) -> None:
    """The gateway finds both in one turn of its loop: aiohttp has not begun to wait for a request."""
    async with connect("127.0.0.1", site.port) as client:
        await ask(client, head(site, FIRST))
    with socket.create_connection(("127.0.0.1", site.port)) as client_socket:
        client_socket.sendall(head(site, "bytes=3-3"))
        received = await asyncio.to_thread(client_socket.recv, 10_000)
        assert received.startswith(b"HTTP/1.1 206")
    assert len(site.slow_path_ranges) == 1


async def test_the_range_may_have_a_small_letter(site: Site) -> None:
    async with connect("127.0.0.1", site.port) as client:
        for start in range(1, 4):
            response = await ask(client, head(site, f"bytes={SIZE - start}-", name="range"))
            assert response.body == site.content[-start:]
    assert len(site.slow_path_ranges) == 1


@pytest.mark.parametrize("name", ["X-Request-Id", "x-request-id", "X-Request-ID"])
async def test_a_proxys_request_id_is_echoed(site: Site, name: str) -> None:
    async with connect("127.0.0.1", site.port) as client:
        for start in range(4):
            response = await ask(client, head(site, f"bytes={start}-{start}", (name, f"proxy-{start}")))
            assert response.head["X-Request-Id"] == f"proxy-{start}"
            assert response.body == site.content[start : start + 1]
        # Not an id that may be logged: the request gets another one.
        response = await ask(client, head(site, FIRST, (name, "a b")))
        assert response.head["X-Request-Id"] != "a b"
    assert len(site.slow_path_ranges) == 2
    assert [line["request_id"] for line in await site.log_lines()][:4] == [f"proxy-{start}" for start in range(4)]


async def test_a_signed_url_needs_no_parsing_either(site: Site) -> None:
    async with connect("127.0.0.1", site.port) as client:
        target = site.signed_target
        for start in range(3):
            response = await ask(client, compose("GET", target, [("Range", f"bytes={start}-{start}")]))
            assert (response.status, response.body) == (206, site.content[start : start + 1])
            assert "public" in response.head["Cache-Control"]
    assert len(site.slow_path_ranges) == 1


# What comes after the range in the head, and the response's status.
CONDITIONS = {
    "if-range-same": ([("If-Range", "$etag")], 206),
    "if-range-other": ([("If-Range", '"other"')], 200),
    "if-range-weak": ([("If-Range", "W/$etag")], 200),
    "if-match": ([("If-Match", "*")], 206),
    "if-match-other": ([("If-Match", '"other"')], 412),
    "if-none-match": ([("If-None-Match", "$etag")], 304),
    "if-none-match-other": ([("If-None-Match", '"other"')], 206),
    "if-range-date": ([("If-Range", "$date")], 206),
    "if-range-other-date": ([("If-Range", "Thu, 01 Jan 1970 00:00:00 GMT")], 200),
    "if-modified-since": ([("If-Modified-Since", "$date")], 304),
    "if-modified-since-long-ago": ([("If-Modified-Since", "Thu, 01 Jan 1970 00:00:00 GMT")], 206),
    "a-cache-that-validates": ([("If-None-Match", "$etag"), ("If-Modified-Since", "$date")], 304),
    "if-unmodified-since": ([("If-Unmodified-Since", "Thu, 01 Jan 1970 00:00:00 GMT")], 412),
}


@pytest.mark.parametrize("case", CONDITIONS)
async def test_conditions_are_bytes_like_others(site: Site, case: str) -> None:
    fields, status = CONDITIONS[case]
    async with connect("127.0.0.1", site.port) as client:
        now = (await ask(client, head(site, None, method="HEAD"), "HEAD")).head
        filled = [
            (name, value.replace("$etag", now["ETag"]).replace("$date", now["Last-Modified"])) for name, value in fields
        ]
        site.slow_path_ranges.clear()
        for start in range(3):
            response = await ask(client, head(site, f"bytes={start}-{start + 9}", *filled))
            assert response.status == status
            if status == 206:
                assert response.body == site.content[start : start + 10]
    # A 412 is rare: aiohttp may answer it each time, as long as it is the same.
    assert len(site.slow_path_ranges) == 1


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_a_request_without_a_range_is_answered(site: Site, method: str) -> None:
    async with connect("127.0.0.1", site.port) as client:
        responses = [await ask(client, head(site, None, method=method), method) for _ in range(3)]
    assert [each.body for each in responses] == [site.content if method == "GET" else b""] * 3
    assert {repr(lasting(each)) for each in responses} == {repr(lasting(responses[0]))}
    assert len(site.slow_path_ranges) == 1


@pytest.mark.parametrize("fields", [(), (("If-Range", "$etag"),)], ids=["alone", "with If-Range"])
async def test_a_range_beyond_the_end_is_not_parsed(site: Site, fields: tuple[tuple[str, str], ...]) -> None:
    """A download manager that continues a complete file asks for it."""
    async with connect("127.0.0.1", site.port) as client, connect("127.0.0.1", site.plain_port) as other:
        tag = (await ask(other, head(site, FIRST))).head["ETag"]
        filled = [(name, value.replace("$etag", tag)) for name, value in fields]
        await ask(client, head(site, FIRST, *filled))
        before = len(site.slow_path_ranges)
        beyond = [f"bytes={SIZE}-", f"bytes={SIZE}-{SIZE + 1}", "bytes=-0", f"bytes={10**15}-,{10**15}-"]
        fast = [await ask(client, head(site, each, *filled)) for each in beyond]
        assert len(site.slow_path_ranges) == before
        plain = [await ask(other, head(site, each, *filled)) for each in beyond]
    assert [each.status for each in fast] == [416] * len(beyond)
    assert [lasting(each) for each in fast] == [lasting(each) for each in plain]


# The fields that proxies, CDNs and tracing libraries add; $ is another value in each request.
UNREAD = {
    "cloudfront": [("X-Amz-Cf-Id", "$"), ("Via", "1.1 a.cloudfront.net (CloudFront)"), ("X-Forwarded-For", "10.0.0.$")],
    "cloudflare": [("CF-RAY", "$-SJC"), ("X-Forwarded-For", "10.0.0.$"), ("CF-Connecting-IP", "10.0.0.$")],
    "varnish": [("X-Forwarded-For", "10.0.0.$, 10.1.1.1"), ("X-Varnish", "$")],
    "a-load-balancer": [("X-Forwarded-Proto", "https"), ("X-Amzn-Trace-Id", "Root=1-$")],
    "envoy": [("x-request-id", "$"), ("traceparent", "00-$-01"), ("tracestate", "")],
    "a-browser-that-is-traced": [("Request-Id", "|$."), ("Cookie", "range: bytes=0-$")],
    "a-browser-with-many-cookies": [("Cookie", "$" * 6000)],
}


@pytest.mark.parametrize("case", UNREAD)
async def test_fields_that_nothing_reads_may_change(site: Site, case: str) -> None:
    async with connect("127.0.0.1", site.port) as client, connect("127.0.0.1", site.port) as other:
        for start, each in enumerate([client, client, other, other, client]):
            fields = [(name, value.replace("$", str(start))) for name, value in UNREAD[case]]
            response = await ask(each, head(site, f"bytes={start}-{start}", *fields))
            assert response.body == site.content[start : start + 1]
    assert len(site.slow_path_ranges) == 1


async def test_fields_that_nothing_reads_count(site: Site) -> None:
    """A head that is refused for its number of fields is refused although one without these is known."""
    many = [(f"X-{number}", "a") for number in range(50)]
    async with connect("127.0.0.1", site.port) as client:
        for _ in range(2):
            assert (await ask(client, head(site, FIRST, *many))).status == 206
        assert (await ask(client, head(site, FIRST, *many, *[("Cookie", "a")] * 20))).status == 431
    assert len(site.slow_path_ranges) == 1


async def test_a_field_before_the_request_line_is_refused(site: Site) -> None:
    """Empty lines before it are ignored."""
    async with connect("127.0.0.1", site.port) as client:
        for _ in range(2):
            assert (await ask(client, b"\r\n" + head(site, FIRST))).status == 206
        assert (await ask(client, b"\r\nCookie: a\r\n" + head(site, FIRST))).status == 400


# What the connection is asked to do after the response, the protocol's version, and the response's Connection field.
ENDINGS = {
    "close": ("HTTP/1.1", "close", "close"),
    "an-old-proxy": ("HTTP/1.0", "close", "close"),
    "an-old-client": ("HTTP/1.0", None, "close"),
    "an-old-client-that-stays": ("HTTP/1.0", "keep-alive", "keep-alive"),
    "an-upgrade": ("HTTP/1.1", "upgrade", "close"),
}


@pytest.mark.parametrize("asked", [FIRST, "bytes=-500", f"bytes=0-{SIZE - 1}"])
@pytest.mark.parametrize("case", ENDINGS)
async def test_a_response_ends_its_connection_as_asked(site: Site, case: str, asked: str) -> None:
    version, connection, answered = ENDINGS[case]
    fields = [("X-API-Key", site.key), ("Range", asked)]
    if connection is not None:
        fields.append(("Connection", connection))
    if connection == "upgrade":
        fields.append(("Upgrade", "h2c"))
    bodies = set()
    for _ in range(3):
        async with connect("127.0.0.1", site.port) as client:
            response = await ask(client, compose("GET", site.target, fields, version=version))
            assert (response.status, response.head["Connection"]) == (206, answered)
            bodies.add(response.body)
            if answered == "close":
                await client.expect_end()
    assert len(bodies) == len(site.slow_path_ranges) == 1


LEFT_TO_AIOHTTP = {
    "a-two-digit-year": [("If-Modified-Since", "Thursday, 01-Jan-70 00:00:00 GMT")],
    "an-if-range-with-one": [("If-Range", "Thursday, 01-Jan-70 00:00:00 GMT")],
    "two-ranges": [("Range", "bytes=200-299")],
    "an-expectation": [("Expect", "100-continue")],
    "two-request-ids": [("X-Request-Id", "one"), ("X-Request-Id", "two")],
    "another-request-id": [("Vendor-Request-Id", "one")],
    "a-long-head": [("X-Long", "x" * MAX_HEAD_BYTES)],
}


@pytest.mark.parametrize("case", LEFT_TO_AIOHTTP)
async def test_anything_but_a_plain_head_takes_the_slow_path(site: Site, case: str) -> None:
    for _ in range(3):
        async with connect("127.0.0.1", site.port) as client:
            await ask(client, head(site, FIRST, *LEFT_TO_AIOHTTP[case]))
    assert len(site.slow_path_ranges) == 3


async def test_a_head_with_a_body_takes_the_slow_path(site: Site) -> None:
    for _ in range(3):
        async with connect("127.0.0.1", site.port) as client:
            assert (await ask(client, head(site, FIRST, ("Content-Length", "3")))).body == site.content[:100]
            await client.send(b"abc")
            assert (await ask(client, head(site, FIRST, ("Connection", "close")))).body == site.content[:100]
    assert len(site.slow_path_ranges) == 6


async def test_a_name_that_ends_like_range_is_another_name(site: Site) -> None:
    """Its range-set is cut out first, and is not what was requested."""
    async with connect("127.0.0.1", site.port) as client:
        for range_set in ("0-9", "10-19"):
            fields = [("X-API-Key", site.key), ("X-Range", f"bytes={range_set}"), ("Range", "bytes=0-9")]
            response = await ask(client, compose("GET", site.target, fields))
            assert response.head["Content-Range"] == f"bytes 0-9/{SIZE}"


async def test_a_name_that_ends_like_request_id_is_another_name(site: Site) -> None:
    """Its value is cut out first, and is not the request's id, even if both are the same once."""
    async with connect("127.0.0.1", site.port) as client:
        for vendors in ("one", "two"):
            response = await ask(client, head(site, FIRST, ("Vendor-Request-Id", vendors), ("X-Request-Id", "one")))
            assert response.head["X-Request-Id"] == "one"


async def test_another_method_is_another_request(site: Site) -> None:
    async with connect("127.0.0.1", site.port) as client:
        await ask(client, head(site, FIRST))
        assert (await ask(client, head(site, FIRST, method="HEAD"), "HEAD")).status == 200
        assert (await ask(client, head(site, FIRST, method="POST"), "POST")).status == 404
    assert len(site.slow_path_ranges) == 3


async def test_a_response_between_refusals_keeps_the_connection(site: Site) -> None:
    elsewhere = compose("GET", "/elsewhere")
    async with connect("127.0.0.1", site.port) as client:
        await ask(client, head(site, FIRST))
        for _ in range(2):
            for _ in range(MAX_REFUSALS - 1):
                assert (await ask(client, elsewhere)).head.get("Connection") is None
            assert (await ask(client, head(site, FIRST))).status == 206


async def change_another_account(site: Site) -> None:
    """Another account gets a key and a recording, and loses both."""
    other = Owner(await site.keys.ensure_user("other@example.com"), live=True)
    await site.keys.create_key(
        digest=bytes(32), prefix="sk_live_othe", owner=other, scopes=frozenset(Scope), expires_at=None
    )
    media, _ = await site.catalog.register(other, new_media("other", ObjectStat(1, "tag", datetime.now(UTC))))
    assert await site.keys.revoke_key("sk_live_othe")
    assert await site.catalog.delete_recording(other, media.recording_id)


class TestRememberedDecisions:
    async def test_a_revoked_key_is_refused(self, site: Site) -> None:
        async with connect("127.0.0.1", site.port) as client:
            await ask(client, head(site, FIRST))
            key = next(iter(await site.keys.list_keys()))
            await site.keys.revoke_key(key.prefix)
            assert (await ask(client, head(site, FIRST))).status == 401

    async def test_a_deleted_recording_is_not_found(self, site: Site) -> None:
        async with connect("127.0.0.1", site.port) as client:
            await ask(client, head(site, FIRST))
            await site.catalog.delete_recording(site.owner, site.media.recording_id)
            assert (await ask(client, head(site, FIRST))).status == 404

    async def test_a_change_of_another_account_changes_nothing(self, site: Site) -> None:
        async with connect("127.0.0.1", site.port) as client:
            await ask(client, head(site, FIRST))
            await change_another_account(site)
            assert (await ask(client, head(site, FIRST))).status == 206
        assert len(site.slow_path_ranges) == 1

    @pytest.mark.parametrize("asked", [FIRST, None])
    async def test_a_replaced_or_removed_file_is_noticed(self, site: Site, asked: str | None) -> None:
        async with connect("127.0.0.1", site.port) as client:
            await ask(client, head(site, asked))
            other = site.path.with_name("other.mp3")
            other.write_bytes(b"another")
            other.replace(site.path)
            assert (await ask(client, head(site, asked))).body == b"another"
            site.path.unlink()
            assert (await ask(client, head(site, asked))).status == 404

    async def test_a_write_into_the_file_is_noticed(self, site: Site) -> None:
        async with connect("127.0.0.1", site.port) as client:
            before = await ask(client, head(site, FIRST))
            with site.path.open("r+b") as file:
                file.write(b"changed")
            os.utime(site.path, (1, 1))
            after = await ask(client, head(site, FIRST))
        assert after.body.startswith(b"changed")
        assert after.head["ETag"] != before.head["ETag"]

    async def test_a_condition_with_the_old_tag_gets_the_new_file(self, site: Site) -> None:
        """A current tag is the old one's the moment the file is replaced."""
        async with connect("127.0.0.1", site.port) as client:
            etag = (await ask(client, head(site, FIRST))).head["ETag"]
            conditional = head(site, "bytes=0-1", ("If-Range", etag))
            for _ in range(2):
                assert (await ask(client, conditional)).status == 206
            other = site.path.with_name("other.mp3")
            other.write_bytes(b"another")
            other.replace(site.path)
            for _ in range(2):
                response = await ask(client, conditional)
                assert (response.status, response.body) == (200, b"another")

    async def test_a_gateway_that_drains_closes_after_the_response(self, site: Site) -> None:
        async with connect("127.0.0.1", site.port) as client:
            await ask(client, head(site, FIRST))
            site.drain.request()
            assert (await ask(client, head(site, FIRST))).head["Connection"] == "close"
            await client.expect_end()

    async def test_a_seek_beyond_the_limit_of_streams_gets_503(self, tmp_path: Path) -> None:
        async with running_site(tmp_path, streams_limit=1) as site, connect("127.0.0.1", site.port) as client:
            await ask(client, head(site, FIRST))
            with site.streams.of(None):
                assert (await ask(client, head(site, FIRST))).status == 503


async def test_seeks_keep_a_connection_alive_and_silence_ends_it(tmp_path: Path) -> None:
    clock = asyncio.get_running_loop().time
    async with running_site(tmp_path, keepalive_timeout=1.0) as site, connect("127.0.0.1", site.port) as client:
        await ask(client, head(site, FIRST))
        end = clock() + 1.5
        while clock() < end:
            await ask(client, head(site, FIRST))
            await asyncio.sleep(0.05)
        assert len(site.slow_path_ranges) == 1
        await client.expect_end()


@pytest.mark.parametrize(
    "octets", [b"", b"GET", b"GET / HTTP/1.1\r\nHost: gateway\r\n"], ids=["nothing", "a word", "half a head"]
)
async def test_a_client_that_never_ends_a_head_is_disconnected(tmp_path: Path, octets: bytes) -> None:
    async with running_site(tmp_path, keepalive_timeout=0.2) as site, connect("127.0.0.1", site.port) as client:
        await client.send(octets)
        await client.expect_end()
