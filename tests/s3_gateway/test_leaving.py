"""Clients that disconnect while S3 sends, and clients that read slowly, exhaust nothing."""

import asyncio
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack

import pytest

from tests.conformance.media import Media
from tests.conformance.objects import noise
from tests.conformance.raw_http import compose, connect
from tests.conformance.site import SETTINGS
from tests.endurance.footprint import Footprint, settle
from tests.endurance.test_leaving_clients import storm
from tests.gateway_process import Gateway
from tests.s3.broken import WINDOW
from tests.s3.processes import S3Server
from tests.s3_gateway.broken import ProxyThread, get, proxy_before
from tests.s3_gateway.s3_site import add_settled, gateway_over

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="cannot run here: descriptors are read from Linux's /proc"
)

REHEARSAL = 50
CLIENTS = 500
CONNECTIONS = 16
READERS = 500
BUDGET_BYTES = 48 * 1024 * 1024
# What a connection alone costs: its objects, and the chunk that waits for its socket.
BYTES_A_READER = 64 * 1024
# Each pooled connection to S3 may be open at one count and not at the other; database connections too.
MOST_NEW_DESCRIPTORS = CONNECTIONS + 10


@pytest.fixture(scope="module")
def thread(s3_server: S3Server) -> Iterator[ProxyThread]:
    with proxy_before(s3_server) as opened:
        yield opened


@pytest.fixture(scope="module")
def site(thread: ProxyThread, postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    small = {"max_connections": CONNECTIONS, "window_initial_bytes": WINDOW, "window_max_bytes": 4 * WINDOW}
    # All may wait for one of the few connections; that takes as long as a slow machine takes.
    patient = {"pool_timeout_seconds": 60, "buffer_budget_bytes": BUDGET_BYTES}
    folder = tmp_path_factory.mktemp("s3-leaving")
    with gateway_over(thread.proxy.server, postgres, folder, SETTINGS, **small, **patient) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def large(site: Gateway) -> Media:
    return add_settled(site, "large", noise(5, 8 * 1024 * 1024))


async def test_five_hundred_clients_that_disconnect_mid_body_exhaust_nothing(site: Gateway, large: Media) -> None:
    await storm(site, large, REHEARSAL)
    before = await settle(site)
    await storm(site, large, CLIENTS)
    after = await settle(site)
    assert after.descriptors <= before.descriptors + MOST_NEW_DESCRIPTORS
    parts = await asyncio.gather(*(get(site, large, f"{n}-{n + 999}") for n in range(2 * CONNECTIONS)))
    assert [part.body for part in parts] == [large.content[n : n + 1000] for n in range(2 * CONNECTIONS)]
    assert "Traceback" not in site.log_text()


async def test_a_client_that_disconnects_costs_at_most_the_socket_buffers_and_two_windows(
    site: Gateway, large: Media, thread: ProxyThread
) -> None:
    proxy = thread.proxy
    proxy.break_next()
    async with connect(site.host, site.port) as connection:
        await connection.send(compose("GET", large.target, [("X-API-Key", site.key)], host=site.authority))
        await connection.read_head()
        await connection.read_exactly(WINDOW)
        connection.reset()
    await settle(site)
    assert proxy.sent < len(large.content) // 2


async def test_five_hundred_slow_readers_stay_within_the_memory_budget(site: Gateway, large: Media) -> None:
    octets = compose("GET", large.target, [("X-API-Key", site.key)], host=site.authority)
    before = await settle(site)
    async with AsyncExitStack() as stack:
        readers = [await stack.enter_async_context(connect(site.host, site.port)) for _ in range(READERS)]
        for reader in readers:
            await reader.send(octets)
        for reader in readers:
            assert (await reader.read_head()).status == 200
        held = Footprint.of(site.pid).resident_bytes - before.resident_bytes
        assert held <= BUDGET_BYTES + READERS * BYTES_A_READER
        response = await get(site, large, "0-9")
        assert response.body == large.content[:10]
    await settle(site)
