"""Both ways of serving give equal responses: the same requests are put to a port with a fast path and to one without."""

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.web.fast_path.head_keys import IGNORED_FIELDS
from tests.conformance.raw_http import Connection, Response, compose, connect
from tests.web.byte_route_site import SIZE, Site, running_site
from tests.web.fast_path.fast_requests import ask, comparable
from tests.web.fast_path.remote_site import remote_site

POSITIONS = st.integers(0, SIZE + 5) | st.sampled_from([0, 1, SIZE - 1, SIZE, 10**17, 10**18 - 1, 10**18, 10**40])
RANGE_SETS = st.one_of(
    st.builds("{}-{}".format, POSITIONS, POSITIONS),
    st.builds("{}-".format, POSITIONS),
    st.builds("-{}".format, st.integers(0, 5000)),
    st.builds(lambda start, length: f"{start}-{start + length}", st.integers(0, SIZE), st.integers(0, 600_000)),
    st.lists(st.sampled_from(["0-1", " 5-9", "", "7-", "-3", "x", "1-0"]), max_size=4).map(",".join),
    st.text("0123456789-, \tx", max_size=40),
)
DATES = st.sampled_from(["$date", "Thu, 01 Jan 1970 00:00:00 GMT", "Thursday, 01-Jan-70 00:00:00 GMT", "$date, $date"])
TAGS = st.sampled_from(["$etag", "W/$etag", '"other"', "*", '"a", $etag', '"', ""]) | DATES
NAMES = st.sampled_from(["If-Range", "If-None-Match", "If-Match", "if-range"])
DATE_NAMES = st.sampled_from(["If-Modified-Since", "If-Unmodified-Since"])
RANGE_NAMES = st.sampled_from(["Range", "range", "RANGE", "X-Range"])
ID_NAMES = st.sampled_from(["X-Request-Id", "x-request-id", "X-Request-ID", "X-REQUEST-ID", "Vendor-Request-Id"])
IDS = st.text("abc019-", min_size=1, max_size=70) | st.sampled_from(["a b", "---", "x;y", "", "Request-Id: 1"])
MORE = st.sampled_from(
    [
        ("Origin", "https://player.example"),
        ("Origin", "https://elsewhere.example"),
        ("Accept-Encoding", "identity;q=1, *;q=0"),
        ("Sec-Fetch-Dest", "audio"),
        ("User-Agent", "Player (range: bytes=0-5)"),
        ("Connection", "keep-alive"),
        ("Connection", "close"),
    ]
)
# Fields that nothing reads, with another value in each request.
UNREAD = st.tuples(
    st.sampled_from(IGNORED_FIELDS), st.sampled_from(["", "$number", "range: bytes=0-$number", "X-Request-Id: $number"])
)
FIELDS = st.one_of(st.tuples(NAMES, TAGS), st.tuples(DATE_NAMES, DATES), st.tuples(ID_NAMES, IDS), UNREAD, MORE)
# The fields of one request, with the range anywhere among them or absent.
REQUESTS = st.tuples(
    st.sampled_from(["GET", "GET", "GET", "HEAD"]),
    st.lists(FIELDS, max_size=3, unique_by=lambda field: field[0].lower()),
    st.none() | st.tuples(RANGE_NAMES, st.sampled_from(["bytes=", "Bytes=", "items="]), RANGE_SETS),
    st.booleans(),
    st.sampled_from(["HTTP/1.1", "HTTP/1.1", "HTTP/1.0"]),
)
# Where the head is divided into two pieces, if it is.
CUTS = st.none() | st.integers(1, 400)


@pytest.fixture(params=["file", "bucket"])
async def site(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Site]:
    if request.param == "file":
        async with running_site(tmp_path) as built:
            yield built
    else:
        async with remote_site(tmp_path) as far:
            yield far.site


def fill(site: Site, known: Response, request: tuple[object, ...], range_set: str, number: int) -> tuple[str, bytes]:
    """The method and octets of a request; `range_set` replaces the one of its range.

    What nothing reads contains the `number`, and is left out of each second request.
    """
    method, fields, ranged, range_first, version = request
    assert isinstance(method, str)
    assert isinstance(version, str)
    assert isinstance(fields, list)
    own = {"$etag": known.head["ETag"], "$date": known.head["Last-Modified"], "$number": str(number)}
    filled = [(name, re.sub(r"\$[a-z]+", lambda word: own[word[0]], value)) for name, value in fields]
    if number % 2:
        filled = [(name, value) for name, value in filled if name not in IGNORED_FIELDS]
    if isinstance(ranged, tuple):
        filled.insert(0 if range_first else len(filled), (ranged[0], f"{ranged[1]}{range_set}"))
    return method, compose(method, site.target, [("X-API-Key", site.key), *filled], version=version)


async def ask_in_pieces(client: Connection, octets: bytes, method: str, cut: int | None) -> Response:
    if cut is not None and cut < len(octets):
        await client.send(octets[:cut])
        for _ in range(3):
            await asyncio.sleep(0)  # a turn of the loop, in which the site, which runs in it too, reads the piece
        octets = octets[cut:]
    return await ask(client, octets, method)


async def connect_both(site: Site, stack: AsyncExitStack) -> list[Connection]:
    """A connection with the fast path, and one without."""
    return [await stack.enter_async_context(connect("127.0.0.1", port)) for port in (site.port, site.plain_port)]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(request_=REQUESTS, range_sets=st.lists(RANGE_SETS, min_size=1, max_size=2), cut=CUTS)
async def test_with_or_without_the_fast_path_the_responses_are_equal(
    site: Site, request_: tuple[object, ...], range_sets: list[str], cut: int | None
) -> None:
    async with AsyncExitStack() as stack:
        clients = await connect_both(site, stack)
        known = await ask(clients[1], compose("HEAD", site.target, [("X-API-Key", site.key)]), "HEAD")
        for number, each in enumerate(["0-9", *range_sets, *range_sets[:1]]):
            method, octets = fill(site, known, request_, each, number)
            responses = [await ask_in_pieces(client, octets, method, cut) for client in clients]
            assert comparable(responses[0]) == comparable(responses[1])
            ids = [response.head["X-Request-Id"] for response in responses]
            assert (ids[0] == ids[1]) == (ids[0].encode() in octets)
            if responses[0].head.get("Connection") == "close":
                for client in clients:
                    await client.expect_end()
                clients = await connect_both(site, stack)
