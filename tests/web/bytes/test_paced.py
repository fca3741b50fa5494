"""Responses to WebKit's media elements are paced, exact and complete, with the fast path and without it."""

import asyncio
import time
from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio

from tests.conformance.raw_http import Connection, Fields, compose, connect
from tests.web.byte_route_site import Site, new_media, running_site

MIB: Final = 1024 * 1024
SIZE: Final = 16 * MIB
SECONDS: Final = 1000.0
# What follows for this recording: its middle takes six minutes, for which no test waits.
BYTES_A_SECOND: Final = 2.5 * SIZE / SECONDS
BURST: Final = int(10 * SIZE / SECONDS + BYTES_A_SECOND / 4)
SAFARI: Final = "Mozilla/5.0 (Macintosh) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15"
ELEMENT: Final[Fields] = [("User-Agent", SAFARI), ("Sec-Fetch-Dest", "audio")]
CDN: Final[Fields] = [*ELEMENT, ("CDN-Loop", "example")]
DOWNLOAD: Final[Fields] = [("User-Agent", SAFARI), ("Sec-Fetch-Dest", "document")]


@pytest_asyncio.fixture
async def site(tmp_path: Path) -> AsyncGenerator[Site]:
    """A site whose recording is a WAV file of known duration."""
    async with running_site(tmp_path) as built:
        await register(built, "long.wav", SECONDS)
        yield built


async def register(site: Site, name: str, seconds: float | None) -> None:
    """Make this file the site's media file."""
    with site.path.with_name(name).open("wb") as file:
        file.truncate(SIZE)
    adapter = next(iter(site.storages.values())).adapter
    async with adapter.open(name) as stored:
        described = replace(new_media(name, stored.stat), format="wav", duration_seconds=seconds)
    site.media, _ = await site.catalog.register(site.owner, described)


@pytest.fixture(params=["the fast path", "the slow path"])
def port(site: Site, request: pytest.FixtureRequest) -> int:
    return site.port if request.param == "the fast path" else site.plain_port


def head(site: Site, asked: str, fields: Fields) -> bytes:
    return compose("GET", site.target, [("X-API-Key", site.key), ("Range", asked), *fields])


async def learn(site: Site, client: Connection, fields: Fields) -> None:
    """Ask once, so that the fast path knows the head."""
    await client.send(head(site, "bytes=0-0", fields))
    await client.read_response()


async def test_the_middle_is_paced_after_a_burst(site: Site, port: int) -> None:
    async with connect("127.0.0.1", port) as client:
        await learn(site, client, ELEMENT)
        started = time.monotonic()
        await client.send(head(site, f"bytes={2 * MIB}-", ELEMENT))
        promised = (await client.read_head()).promised_bytes("GET")
        assert promised == SIZE - 2 * MIB
        taken = len(await client.read_exactly(BURST))
        for _ in range(3):
            taken += len(await client.read_some(MIB))
        # A slow machine only raises the limit.
        assert taken <= BURST + BYTES_A_SECOND * (time.monotonic() - started) + 1


@pytest.mark.parametrize("fields", [CDN, DOWNLOAD, []], ids=["a CDN", "a download", "a program"])
async def test_others_are_never_paced(site: Site, port: int, fields: Fields) -> None:
    async with connect("127.0.0.1", port) as client:
        await learn(site, client, fields)
        await client.send(head(site, "bytes=0-", fields))
        assert len((await client.read_response()).body) == SIZE


async def test_a_recording_of_unknown_duration_is_not_paced(site: Site, port: int) -> None:
    await register(site, "live.wav", None)
    async with connect("127.0.0.1", port) as client:
        await learn(site, client, ELEMENT)
        await client.send(head(site, "bytes=0-", ELEMENT))
        assert len((await client.read_response()).body) == SIZE


async def test_the_index_at_the_end_arrives_without_a_pause(site: Site, port: int) -> None:
    async with connect("127.0.0.1", port) as client:
        await learn(site, client, ELEMENT)
        await client.send(head(site, "bytes=-500000", ELEMENT))
        started = time.monotonic()
        assert len((await client.read_response()).body) == 500_000
        assert time.monotonic() - started < 500_000 / BYTES_A_SECOND


async def test_every_request_gets_a_burst(site: Site, port: int) -> None:
    """Ten seeks, each to another position, would take a minute if they shared one."""
    async with connect("127.0.0.1", port) as client:
        await learn(site, client, ELEMENT)
    started = time.monotonic()
    for n in range(2, 12):
        async with connect("127.0.0.1", port) as client:
            await client.send(head(site, f"bytes={n * MIB}-", ELEMENT))
            await client.read_head()
            await client.read_exactly(BURST)
    assert time.monotonic() - started < 10 * BURST / BYTES_A_SECOND


async def test_a_drain_ends_the_pace(site: Site, port: int) -> None:
    async with connect("127.0.0.1", port) as client:
        await learn(site, client, ELEMENT)
        await client.send(head(site, f"bytes={2 * MIB}-", ELEMENT))
        await client.read_head()
        await client.read_exactly(BURST)
        site.drain.request()
        assert len(await client.read_exactly(SIZE - 2 * MIB - BURST)) == SIZE - 2 * MIB - BURST


async def test_a_client_that_seeks_away_leaves_nothing_running(site: Site, port: int) -> None:
    async with connect("127.0.0.1", port) as client:
        await learn(site, client, ELEMENT)
        await client.send(head(site, f"bytes={2 * MIB}-", ELEMENT))
        await client.read_head()
        await client.read_exactly(BURST)
        assert site.streams.running == 1
    async with asyncio.timeout(30):
        await site.connections.wait_idle(site.server)
    assert (await site.log_lines())[-1]["outcome"] == "client_closed"
