"""What the network and S3 do, as a client of the gateway meets it: right bytes or a clear failure, and the next
request is served.

Everything is real: the client's socket, the gateway's process, the fault proxy's sockets, an S3 server.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.conformance.calling import call, document
from tests.conformance.media import Media
from tests.conformance.metrics import samples
from tests.conformance.objects import noise
from tests.conformance.raw_http import Connection, Response, compose, connect
from tests.conformance.site import SETTINGS
from tests.endurance.footprint import settle
from tests.gateway_process import Gateway
from tests.s3.broken import CONTENT, IMPATIENT, SIZE, SMALL, WINDOW
from tests.s3.faults import PASS, Fault, FaultProxy, answer, answering, cut
from tests.s3.processes import S3Server
from tests.s3.test_faults import RECOVERABLE
from tests.s3_gateway.broken import ProxyThread, get, proxy_before, remove, replace
from tests.s3_gateway.s3_site import STORAGE, add_settled, gateway_over

# Many connections: the tokens that stop retry storms are counted by them, and every test here is a storm.
SETTINGS_OF_S3 = SMALL | {"max_connections": 256}


GatewayWithMedia = tuple[Gateway, Media]


@pytest.fixture(scope="module")
def thread(s3_server: S3Server) -> Iterator[ProxyThread]:
    with proxy_before(s3_server) as opened:
        yield opened


@pytest.fixture
def proxy(thread: ProxyThread) -> FaultProxy:
    """The proxy, with nothing scheduled."""
    thread.proxy.break_next()
    return thread.proxy


@pytest.fixture(scope="module")
def site(thread: ProxyThread, postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("s3-faults")
    with gateway_over(thread.proxy.server, postgres, folder, SETTINGS, **SETTINGS_OF_S3) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def media(site: Gateway) -> Media:
    return add_settled(site, "media", CONTENT)


@pytest.fixture(scope="module")
def impatient(
    thread: ProxyThread, postgres: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[GatewayWithMedia]:
    """A gateway that soon gives up on an answer of S3's, and the same object in it."""
    folder = tmp_path_factory.mktemp("s3-impatient")
    with gateway_over(thread.proxy.server, postgres, folder, SETTINGS, **(SETTINGS_OF_S3 | IMPATIENT)) as gateway:
        yield gateway, add_settled(gateway, "media", CONTENT)


@pytest.fixture(scope="module")
def large(site: Gateway) -> Media:
    """More than the kernel's buffers of one connection hold."""
    return add_settled(site, "large", noise(2, 16 * 1024 * 1024))


async def check_served(site: Gateway, media: Media) -> None:
    """The gateway serves it."""
    response = await get(site, media, "7-1006")
    assert (response.status, response.body) == (206, media.content[7:1007])


@pytest.mark.parametrize("fault", RECOVERABLE.values(), ids=RECOVERABLE.keys())
async def test_one_fault_costs_the_client_nothing(
    site: Gateway, media: Media, impatient: GatewayWithMedia, proxy: FaultProxy, fault: Fault
) -> None:
    proxy.break_next(fault)
    response = await get(*(impatient if fault.ending == "stall" else (site, media)), f"100-{99 + 2 * WINDOW}")
    assert (response.status, response.body) == (206, CONTENT[100 : 100 + 2 * WINDOW])
    assert len(proxy.ranges) >= 2


async def test_a_body_that_breaks_again_and_again_is_whole_all_the_same(
    site: Gateway, media: Media, proxy: FaultProxy
) -> None:
    proxy.break_next(*[PASS, cut(5000, "reset"), PASS, cut(5000, "close"), answer(503, "SlowDown")] * 2)
    response = await get(site, media)
    assert (response.status, response.body) == (200, CONTENT)


# fmt: off
REFUSED = {
    "reset": (cut(-1, "reset"), 503), "closed": (cut(-1, "close"), 503), "stalled": (cut(-1, "stall"), 503),
    "reset-before-the-first-byte": (cut(0, "reset"), 503),
    "internal-error": (answer(500, "InternalError"), 503), "slow-down": (answer(503, "SlowDown"), 503),
    "not-exact": (answering(b"Content-Range: bytes 5-", b"Content-Range: bytes 6-"), 503),
    "another-version-each-time": (answer(412, "PreconditionFailed"), 503),
    "no-such-bucket": (answer(404, "NoSuchBucket"), 503),
    "archived": (answer(403, "InvalidObjectState"), 403),
    "denied": (answer(403, "AccessDenied"), 502),
    "gone": (answer(404, "NoSuchKey"), 404),
}
# fmt: on


@pytest.mark.parametrize(("fault", "status"), REFUSED.values(), ids=REFUSED.keys())
async def test_before_the_head_a_lasting_fault_is_refused(
    site: Gateway, media: Media, impatient: GatewayWithMedia, proxy: FaultProxy, fault: Fault, status: int
) -> None:
    if fault.ending == "stall":
        site, media = impatient
    proxy.break_next(*[fault] * 20)
    response = await get(site, media, "5-14")
    check_refusal(response, status)
    proxy.break_next()
    await check_served(site, media)


def check_refusal(response: Response, status: int) -> None:
    """The refusal's words are the gateway's, and a 503 says when to come back."""
    assert response.status == status, response
    assert set(document(response)) == {"detail"}
    assert "bucket" not in response.body.decode()
    assert (response.head.get("Retry-After") is not None) == (status == 503)
    assert response.head.get("Content-Range") is None


async def test_after_the_head_a_lasting_fault_cuts_the_connection(
    site: Gateway, media: Media, proxy: FaultProxy
) -> None:
    proxy.break_next(PASS, *[cut(-1, "reset")] * 20)
    async with begun(site, media) as connection:
        received = await read_until_cut(connection)
    assert WINDOW <= len(received) < SIZE
    assert CONTENT.startswith(received)
    proxy.break_next()
    await check_served(site, media)


@asynccontextmanager
async def begun(site: Gateway, media: Media) -> AsyncGenerator[Connection]:
    """A connection on which the whole object was asked for and the head has come, which promises all of it."""
    async with connect(site.host, site.port) as connection:
        await connection.send(compose("GET", media.target, [("X-API-Key", site.key)], host=site.authority))
        head = await connection.read_head()
        assert (head.status, head.promised_bytes("GET")) == (200, len(media.content))
        yield connection


async def read_until_cut(connection: Connection) -> bytes:
    """All that still comes."""
    received = bytearray()
    while chunk := await connection.read_some(WINDOW):
        received += chunk
    return bytes(received)


async def test_an_object_replaced_before_the_head_is_answered_afresh(site: Gateway, proxy: FaultProxy) -> None:
    media = await asyncio.to_thread(add_settled, site, "replaced", b"the old bytes of it")
    await asyncio.to_thread(replace, site, media, b"the new ones")
    beyond = await get(site, media, "15-18")
    assert (beyond.status, beyond.head["Content-Range"]) == (416, "bytes */12")
    await asyncio.to_thread(replace, site, media, b"even newer ones")
    response = await get(site, media)
    assert (response.status, response.body) == (200, b"even newer ones")
    assert response.head["ETag"] != media.etag


async def test_an_object_replaced_after_the_head_cuts_the_connection(
    site: Gateway, proxy: FaultProxy, large: Media
) -> None:
    async with begun(site, large) as connection:
        await asyncio.to_thread(replace, site, large, bytes(len(large.content)))
        received = await read_until_cut(connection)
    assert len(received) < len(large.content)
    assert large.content.startswith(received)
    following = await get(site, large, "0-9")
    assert (following.status, following.body) == (206, bytes(10))


async def test_a_missing_object_is_404_and_flagged_until_it_is_back(site: Gateway, proxy: FaultProxy) -> None:
    media = await asyncio.to_thread(add_settled, site, "lost", b"lost and found")
    ids = (media.recording_id, media.media_file_id)
    await asyncio.to_thread(remove, site, media)
    for method in ("GET", "HEAD", "GET"):
        response = await call(site, media.target, method=method, key=site.key)
        assert response.status == 404
    assert (await asyncio.to_thread(site.media_file, ids)).missing_at is not None
    await asyncio.to_thread(replace, site, media, b"lost and found")
    await until_found(site, media)
    assert (await asyncio.to_thread(site.media_file, ids)).missing_at is None


async def until_found(site: Gateway, media: Media) -> None:
    """It is served again, from the first request on."""
    response = await get(site, media)
    assert (response.status, response.body) == (200, media.content)


async def test_an_unreachable_s3_is_503_and_unready_and_comes_back(
    site: Gateway, media: Media, thread: ProxyThread, proxy: FaultProxy
) -> None:
    assert (await call(site, "/readyz")).status == 200
    with thread.unreachable():
        check_refusal(await get(site, media, "0-9"), 503)
        unready = await call(site, "/readyz")
        assert unready.status == 503
        assert "failed" in document(unready)["checks"].values()
        assert (await call(site, "/livez")).status == 200
    assert (await call(site, "/readyz")).status == 200
    await check_served(site, media)


@pytest.fixture
def narrow(thread: ProxyThread, postgres: str, tmp_path: Path) -> Iterator[Gateway]:
    """A gateway with two connections to S3, and little patience to wait for one."""
    few = {"max_connections": 2, "pool_timeout_seconds": 0.3, "read_timeout_seconds": 60, "retries": 0}
    with gateway_over(thread.proxy.server, postgres, tmp_path, SETTINGS, **(SMALL | few)) as gateway:
        yield gateway


async def test_when_no_connection_comes_free_the_client_is_asked_to_come_back(
    narrow: Gateway, proxy: FaultProxy
) -> None:
    media = await asyncio.to_thread(add_settled, narrow, "media", CONTENT)
    proxy.break_next(cut(100, "stall"), cut(100, "stall"))
    async with begun(narrow, media) as first, begun(narrow, media) as second:
        check_refusal(await get(narrow, media, "0-9"), 503)
        # A client that closes only its half still gets its response: these close both.
        first.reset()
        second.reset()
    await settle(narrow)
    await check_served(narrow, media)


async def upstream(site: Gateway) -> dict[str, float]:
    """What was asked of S3 for bytes, by the metrics."""
    requests, storage = "seekgate_upstream_requests_total", frozenset({("storage", STORAGE)})
    found = await samples(site)
    return {
        "answered": found.get((requests, storage | {("outcome", "answered")}), 0.0),
        "failed": found.get((requests, storage | {("outcome", "failed")}), 0.0),
        "first bytes": found.get(("seekgate_upstream_first_byte_seconds_count", storage), 0.0),
        "received": found.get(("seekgate_upstream_received_bytes_total", storage), 0.0),
    }


async def test_the_metrics_report_what_was_requested_of_s3(site: Gateway, media: Media, proxy: FaultProxy) -> None:
    before = await upstream(site)
    proxy.break_next(cut(1000, "reset"), cut(-1, "reset"))
    assert (await get(site, media, "0-9999")).body == CONTENT[:10_000]
    seen = await upstream(site)
    grown = {name: seen[name] - before[name] for name in seen}
    # Begun and broken off; never begun; and the rest.
    assert (grown["answered"], grown["failed"], grown["first bytes"]) == (2, 2, 2)
    assert 10_000 < grown["received"] < 12_000
