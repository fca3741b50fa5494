"""A response belongs to its request, whatever arrives together, in pieces or inside something else."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from gateway.web.fast_path.fast_connection import FastConnection
from tests.conformance.raw_http import compose, connect
from tests.web.byte_route_site import SIZE, Site, running_site
from tests.web.fast_path.fast_requests import FIRST, ask, head


@pytest.fixture
async def site(tmp_path: Path) -> AsyncGenerator[Site]:
    async with running_site(tmp_path) as built:
        yield built


async def let_the_gateway_read(site: Site) -> None:
    """Return when the gateway has read all that was sent to it: it has answered somebody else since."""
    async with connect("127.0.0.1", site.port) as other:
        await ask(other, head(site, FIRST, ("Connection", "close")))


@pytest.mark.parametrize("length", [300_000, SIZE - 300_001], ids=["sent immediately", "sent by a stream"])
async def test_requests_that_arrive_together_are_answered_in_order(site: Site, length: int) -> None:
    async with connect("127.0.0.1", site.port) as client:
        await ask(client, head(site, FIRST))
        asked = [f"bytes={start}-{start + length}" for start in range(0, 300_000, 25_000)]
        for octets in (b"".join(head(site, each) for each in asked), head(site, "bytes=7-7")):
            await client.send(octets)
        for each in asked:
            assert (await client.read_response()).head["Content-Range"] == f"{each.replace('=', ' ')}/{SIZE}"
        assert (await client.read_response()).body == site.content[7:8]


async def test_requests_that_arrive_one_by_one_during_a_long_response_are_answered_in_order(site: Site) -> None:
    async with connect("127.0.0.1", site.port, receive_bytes=32 * 1024) as client:
        await ask(client, head(site, FIRST))
        await client.send(head(site, "bytes=0-"))
        for start in range(5):
            await let_the_gateway_read(site)
            await client.send(head(site, f"bytes={start}-{start}"))
        await client.send(compose("GET", "/elsewhere"))
        assert (await client.read_response()).body == site.content
        for start in range(5):
            assert (await client.read_response()).body == site.content[start : start + 1]
        assert (await client.read_response()).status == 404


async def test_two_heads_in_one_piece_get_two_responses_each_time(site: Site) -> None:
    async with connect("127.0.0.1", site.port) as client:
        for _ in range(3):
            await client.send(head(site, FIRST) + head(site, "bytes=7-7"))
            assert (await client.read_response()).body == site.content[:100]
            assert (await client.read_response()).body == site.content[7:8]


@pytest.mark.parametrize("cut", [40, -4])
async def test_a_head_in_two_pieces_is_not_parsed_either(site: Site, cut: int) -> None:
    """A head of more than 1,440 bytes often arrives so."""
    async with connect("127.0.0.1", site.port) as client:
        await ask(client, head(site, FIRST))
        await let_the_gateway_read(site)
        before = len(site.slow_path_ranges)
        for start in range(3):
            octets = head(site, f"bytes={start}-{start}")
            await client.send(octets[:cut])
            await let_the_gateway_read(site)
            assert (await ask(client, octets[cut:])).body == site.content[start : start + 1]
        assert len(site.slow_path_ranges) == before


async def test_a_half_closed_client_that_sent_its_head_in_two_pieces_is_answered(site: Site) -> None:
    octets = head(site, FIRST)
    for _ in range(2):
        async with connect("127.0.0.1", site.port) as client:
            await client.send(octets[:-9])
            await let_the_gateway_read(site)
            await client.send(octets[-9:])
            client.end()
            assert (await client.read_response()).body == site.content[:100]
            await client.expect_end()


async def test_an_idle_connection_holds_no_head(site: Site) -> None:
    async with connect("127.0.0.1", site.port) as client:
        await ask(client, head(site, FIRST, ("A", "a" * 30_000)))
        await let_the_gateway_read(site)
        held = [each.request_head for each in site.server.connections if isinstance(each, FastConnection)]
        assert held
        assert not any(held)


async def test_a_head_after_half_a_head_is_part_of_it(site: Site) -> None:
    async with connect("127.0.0.1", site.port) as client:
        await ask(client, head(site, FIRST))
        await client.send(b"GET /elsewhere HTTP/1.1\r\nX-Note: ")
        await let_the_gateway_read(site)
        await client.send(head(site, FIRST))
        assert (await client.read_response()).status == 404
        assert (await ask(client, head(site, "bytes=7-7"))).body == site.content[7:8]


async def test_a_head_in_a_body_is_part_of_it(site: Site) -> None:
    inner = head(site, FIRST)
    async with connect("127.0.0.1", site.port) as client:
        await ask(client, inner)
        await client.send(compose("POST", "/elsewhere", [("Content-Length", str(len(inner)))]))
        await let_the_gateway_read(site)
        await client.send(inner)
        assert (await client.read_response("POST")).status == 404
        assert (await ask(client, head(site, "bytes=7-7"))).body == site.content[7:8]


HALF_CLOSED = {
    "a-remembered-head": [FIRST],
    "a-remembered-long-response": ["bytes=0-"],
    "several-remembered": ["bytes=0-", FIRST, "bytes=5-"],
    "one-for-aiohttp": ["bytes=0-4,9000-9004"],
    "several-for-aiohttp": ["bytes=0-4,9000-9004", "bytes=-5", "bytes=0-4,9000-9004"],
    "some-of-each": ["bytes=0-", "bytes=-5", FIRST, "bytes=-6", "bytes=3-"],
}


@pytest.mark.parametrize("remembered", [True, False])
@pytest.mark.parametrize("case", HALF_CLOSED)
async def test_a_half_closed_client_gets_every_response(site: Site, case: str, *, remembered: bool) -> None:
    asked = HALF_CLOSED[case]
    async with connect("127.0.0.1", site.port) as client:
        whole = [await ask(client, head(site, each)) for each in asked] if remembered else []
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    writer.write(b"".join(head(site, each) for each in asked))
    writer.write_eof()
    async with asyncio.timeout(20):
        response = await reader.read()
    writer.close()
    await writer.wait_closed()
    assert response.count(b"HTTP/1.1 206 Partial Content\r\n") == len(asked)
    assert response.endswith(b"" if not whole or "," in asked[-1] else whole[-1].body)
    assert (site.streams.running, site.connections.busy) == (0, set())


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"GET /elsewhere HTTP/1.1\r\n",
        b"POST /elsewhere HTTP/1.1\r\nHost: gateway\r\nContent-Length: 10\r\n\r\nabc",
    ],
    ids=["nothing", "half a head", "half a body"],
)
async def test_a_half_closed_client_that_has_not_asked_is_disconnected(site: Site, octets: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    writer.write(octets)
    writer.write_eof()
    async with asyncio.timeout(5):
        await reader.read()
    writer.close()
    await writer.wait_closed()
