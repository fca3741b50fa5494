"""A gateway over a bucket, with a slice cache: bytes that were read are not requested from S3 again, and versions are never mixed."""

import asyncio
import random
from collections.abc import AsyncGenerator, Iterator

import pytest

from storage_adapters.slices.segments import SLICE_BYTES
from tests.conformance.calling import call
from tests.conformance.media import Media
from tests.conformance.metrics import sample
from tests.conformance.objects import noise
from tests.conformance.raw_http import Connection, Response, compose, connect
from tests.conformance.site import SETTINGS
from tests.gateway_process import Gateway
from tests.s3.faults import FaultProxy
from tests.s3.processes import S3Server
from tests.s3_gateway.broken import ProxyThread, get, proxy_before, remove, replace
from tests.s3_gateway.s3_site import STORAGE, add_settled, gateway_over

SIZE = 3 * SLICE_BYTES + 777
SEEKS = 200
FIRST = f"0-{SLICE_BYTES - 1}"
"""The first slice, all of it: a part of it can be read before the rest has come."""


@pytest.fixture(scope="module")
def thread(s3_server: S3Server) -> Iterator[ProxyThread]:
    with proxy_before(s3_server) as opened:
        yield opened


@pytest.fixture(scope="module")
def site(thread: ProxyThread, postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("s3-cache")
    # One attempt, so that an S3 that is away is an error immediately.
    settings = {"cache_max_bytes": 64 * 1024 * 1024, "retries": 0}
    with gateway_over(thread.proxy.server, postgres, folder, SETTINGS, **settings) as gateway:
        yield gateway


@pytest.fixture
def proxy(thread: ProxyThread) -> FaultProxy:
    thread.proxy.break_next()
    return thread.proxy


@pytest.fixture
async def player(site: Gateway) -> AsyncGenerator[Connection, None]:
    """A connection that is kept from seek to seek."""
    async with connect(site.host, site.port) as connection:
        yield connection


async def seek(player: Connection, site: Gateway, media: Media, first: int, last: int) -> Response:
    fields = [("X-API-Key", site.key), ("Range", f"bytes={first}-{last}")]
    await player.send(compose("GET", media.target, fields, host=site.authority))
    return await player.read_response()


async def read_until_kept(site: Gateway, media: Media, proxy: FaultProxy, ranges: str | None = None) -> None:
    """Read these bytes until S3 is no longer asked for them: slices are written after their readers got them."""
    start, end = (int(part) for part in ranges.split("-")) if ranges else (0, len(media.content) - 1)
    async with asyncio.timeout(60):
        while True:
            proxy.break_next()
            response = await get(site, media, ranges)
            assert response.body == media.content[start : end + 1]
            if not proxy.ranges:
                return


async def test_a_repeated_seek_asks_nothing_of_s3(site: Gateway, proxy: FaultProxy, player: Connection) -> None:
    media = add_settled(site, "repeated", noise(31, SIZE))
    await read_until_kept(site, media, proxy)
    chance, asked = random.Random(4), proxy.answered
    for _ in range(SEEKS):
        first = chance.randrange(SIZE)
        last = min(first + chance.choice((0, 1000, 65_535, SLICE_BYTES)), SIZE - 1)
        response = await seek(player, site, media, first, last)
        assert response.status == 206
        assert response.body == media.content[first : last + 1]
    assert proxy.answered == asked


async def test_a_seek_asks_for_its_slice_once(site: Gateway, proxy: FaultProxy) -> None:
    media = add_settled(site, "once", noise(32, SIZE))
    await read_until_kept(site, media, proxy, FIRST)
    proxy.break_next()
    responses = await asyncio.gather(
        *(get(site, media, f"{SLICE_BYTES + n}-{SLICE_BYTES + n + 99}") for n in range(30))
    )
    assert [response.body for response in responses] == [
        media.content[SLICE_BYTES + n : SLICE_BYTES + n + 100] for n in range(30)
    ]
    assert proxy.ranges == [f"bytes={SLICE_BYTES}-{2 * SLICE_BYTES - 1}"]


async def test_cached_slices_are_served_while_s3_is_away(
    site: Gateway, thread: ProxyThread, player: Connection
) -> None:
    media = add_settled(site, "away", noise(33, SIZE))
    await read_until_kept(site, media, thread.proxy, FIRST)
    with thread.unreachable():
        for first in (0, 17, 4096):
            response = await seek(player, site, media, first, first + 9)
            assert response.body == media.content[first : first + 10]
        refused = await get(site, media, f"{SLICE_BYTES}-")
        assert refused.status == 503, f"{refused.head}\n{site.log_text()[-4000:]}"
    assert (await get(site, media, f"{SLICE_BYTES}-")).body == media.content[SLICE_BYTES:]


async def test_an_object_that_was_replaced_is_never_mixed(site: Gateway, proxy: FaultProxy) -> None:
    media = add_settled(site, "replaced", noise(34, SIZE))
    await read_until_kept(site, media, proxy, FIRST)
    old = await get(site, media, "0-1")
    new = noise(35, SIZE)
    replace(site, media, new)
    # What is not in the cache is asked for by the entity tag, which finds out.
    found = await get(site, media, f"{SLICE_BYTES}-{SLICE_BYTES + 9}")
    assert found.body == new[SLICE_BYTES : SLICE_BYTES + 10]
    assert found.head["ETag"] != old.head["ETag"]
    again = await get(site, media)
    assert (again.body, again.head["ETag"]) == (new, found.head["ETag"])


async def test_a_whole_response_begins_in_the_cache_and_goes_on_from_s3(site: Gateway, proxy: FaultProxy) -> None:
    media = add_settled(site, "begun", noise(36, SIZE))
    await read_until_kept(site, media, proxy, FIRST)
    proxy.break_next()
    response = await get(site, media)
    assert (response.status, response.body) == (200, media.content)
    assert f"bytes=0-{SLICE_BYTES - 1}" not in proxy.ranges


async def test_a_deleted_recording_is_not_served_from_the_cache(
    site: Gateway, proxy: FaultProxy, player: Connection
) -> None:
    media = add_settled(site, "deleted", noise(37, SIZE))
    await read_until_kept(site, media, proxy)
    assert (await seek(player, site, media, 0, 9)).status == 206
    deletion = await call(site, f"/recordings/{media.recording_id}", method="DELETE", key=site.key)
    assert deletion.status == 200
    assert (await seek(player, site, media, 0, 9)).status == 404


async def test_a_deleted_object_is_noticed_by_the_next_request_that_needs_it(site: Gateway, proxy: FaultProxy) -> None:
    media = add_settled(site, "gone", noise(38, SIZE))
    await read_until_kept(site, media, proxy, FIRST)
    remove(site, media)
    assert (await get(site, media, f"{SLICE_BYTES}-")).status == 404
    assert (await get(site, media, "0-1")).status == 404


async def test_the_metrics_report_how_much_is_cached(site: Gateway, proxy: FaultProxy) -> None:
    before = await sample(site, "seekgate_cached_bytes", storage=STORAGE)
    await read_until_kept(site, add_settled(site, "counted", noise(39, SIZE)), proxy)
    assert await sample(site, "seekgate_cached_bytes", storage=STORAGE) == before + SIZE
