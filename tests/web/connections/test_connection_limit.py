"""How many connections a process has: at the limit idle ones end, and busy ones are kept."""

from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import pytest

from gateway.web.connections.client_connection import ClientConnection
from tests.conformance.calling import call
from tests.conformance.raw_http import Connection, compose, connect
from tests.gateway_process import Gateway, running_gateway
from tests.web.byte_route_site import running_site

MOST: Final = 4
LARGE: Final = 8 * 2**20  # more than the kernel takes of one response
SETTINGS: Final = {"SEEKGATE_SERVER__MAX_CLIENT_CONNECTIONS": str(MOST)}


@pytest.fixture(scope="module", params=["true", "false"], ids=["fast path", "no fast path"])
def site(postgres: str, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Gateway]:
    settings = SETTINGS | {"SEEKGATE_DELIVERY__FAST_PATH": request.param}
    with running_gateway(postgres, tmp_path_factory.mktemp("limit"), settings) as gateway:
        yield gateway


async def alive(connection: Connection) -> None:
    await connection.send(compose("GET", "/livez"))
    assert (await connection.read_response()).status == 200


async def test_idle_connections_end_before_a_new_one_is_refused(site: Gateway) -> None:
    async with AsyncExitStack() as stack:
        _silent, partial, answered, *_ = idle = [
            await stack.enter_async_context(connect(site.host, site.port)) for _ in range(MOST)
        ]
        await partial.send(b"GET /livez HTTP/1.1\r\n")
        await alive(answered)
        assert (await call(site, "/livez")).status == 200
        for each in idle:
            await each.expect_end()


async def test_a_connection_with_a_request_under_way_is_kept_and_a_new_one_ends(site: Gateway) -> None:
    recording_id, media_file_id = site.add("long", bytes(LARGE), "mp3")
    request = compose("GET", f"/recordings/{recording_id}/media/{media_file_id}/raw", [("X-API-Key", site.key)])
    async with AsyncExitStack() as stack:
        busy = [await stack.enter_async_context(connect(site.host, site.port, receive_bytes=4096)) for _ in range(MOST)]
        for each in busy:
            await each.send(request)
            await each.read_head()
        async with connect(site.host, site.port) as another:
            await another.expect_end()
        assert len(await busy[0].read_exactly(LARGE)) == LARGE
        await alive(busy[0])
        async with connect(site.host, site.port) as another:
            await alive(another)


@pytest.mark.parametrize("has_fast_path", [True, False])
async def test_a_connection_is_busy_until_the_kernel_has_its_response(tmp_path: Path, *, has_fast_path: bool) -> None:
    async with running_site(tmp_path) as site:
        port = site.port if has_fast_path else site.plain_port
        async with connect("127.0.0.1", port, receive_bytes=4096) as client:
            await client.send(compose("GET", "/absent"))
            assert (await client.read_response()).status == 404
            (connection,) = site.server.connections
            assert isinstance(connection, ClientConnection)
            assert connection.transport is not None
            connection.transport.write(bytes(LARGE))
            assert not connection.is_idle
            await client.read_exactly(LARGE)
            assert connection.is_idle
