"""What all connections of a process together hold of requests that are not answered yet."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from typing import Final

import pytest

from gateway.protocol.ids import encode_id
from gateway.web.connections.connection_context import MAX_HELD_BYTES
from gateway.web.receiving.json_bodies import MAX_ARRIVING_OF_A_KEY
from tests.conformance.raw_http import compose, connect
from tests.gateway_process import Gateway, running_gateway
from tests.uploads.client import open_client
from tests.web.access.test_bounds import MEMORY_BOUND, resident

STREAMS: Final = 3
PATIENCE_SECONDS: Final = 120
HALF_A_HEAD: Final = b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"a" * 31_000


@pytest.fixture(scope="module")
def site(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    settings = {"SEEKGATE_RATE_LIMITS__ENABLED": "false", "SEEKGATE_DELIVERY__MAX_STREAMS_PER_KEY": str(STREAMS)}
    with running_gateway(postgres, tmp_path_factory.mktemp("held"), settings) as gateway:
        yield gateway


@contextlib.contextmanager
def clients(site: Gateway, count: int) -> Iterator[list[socket.socket]]:
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(socket.create_connection((site.host, site.port), timeout=60)) for _ in range(count)]


def first_line(client: socket.socket) -> bytes:
    """The status line, if there is a response already. A 503 says when to retry."""
    client.settimeout(0)
    with contextlib.suppress(BlockingIOError, ConnectionError):
        received = client.recv(4096)
        assert not received.startswith(b"HTTP/1.1 503 ") or b"\r\nRetry-After: " in received
        return received.split(b"\r\n", 1)[0]
    return b""


async def livez(site: Gateway) -> int:
    async with connect(site.host, site.port) as connection:
        await connection.send(compose("GET", "/livez"))
        return (await connection.read_response()).status


async def test_incomplete_heads_are_held_within_a_bound_for_all_connections(site: Gateway) -> None:
    idle = resident(site)
    with clients(site, 2 * MAX_HELD_BYTES // len(HALF_A_HEAD)) as opened:
        for client in opened:
            client.sendall(HALF_A_HEAD)
        assert await livez(site) == 200
        responses = [first_line(client) for client in opened]
        assert resident(site) - idle < MEMORY_BOUND
    assert responses.count(b"HTTP/1.1 503 Service Unavailable") >= len(opened) // 3
    assert responses.count(b"") >= len(opened) // 3
    # Once they have gone, there is room again.
    async with connect(site.host, site.port) as connection:
        await connection.send(HALF_A_HEAD)
        await connection.send(b"\r\nConnection: close\r\n\r\n")
        assert (await connection.read_response()).status == 200


async def test_requests_that_follow_streams_are_held_within_the_same_bound(site: Gateway) -> None:
    recording_id, media_file_id = site.add("long", bytes(16 * 2**20), "mp3")
    target = f"/recordings/{recording_id}/media/{media_file_id}/raw"
    keys = [site.add_key() for _ in range(300 // STREAMS)]
    idle = resident(site)
    with clients(site, 300) as opened:
        for number, client in enumerate(opened):
            client.sendall(compose("GET", target, [("X-API-Key", keys[number // STREAMS])]))
        for client in opened:
            client.settimeout(0)
            with contextlib.suppress(BlockingIOError, ConnectionError):
                client.send(compose("GET", "/livez") * 8000)
        assert await livez(site) == 200
        assert resident(site) - idle < MEMORY_BOUND


@pytest.mark.parametrize(
    ("method", "target"), [("POST", "/v1/recordings"), ("PUT", f"/v1/recordings/{encode_id('rec', 1)}/transcript")]
)
async def test_one_key_cannot_take_all_places_for_bodies_that_still_arrive(
    site: Gateway, method: str, target: str
) -> None:
    fields = [("X-API-Key", site.key), ("Content-Type", "text/vtt"), ("Content-Length", "60000")]
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:  # the gateway may still hold what an earlier test sent, and refuse some of them, or the other key
            with clients(site, MAX_ARRIVING_OF_A_KEY) as opened:
                for client in opened:
                    client.sendall(compose(method, target, fields, body=b" " * 50_000))
                for _ in range(10):  # the others' bodies, or all of this one, may arrive first
                    if await create(site, site.key) == 503 and await create(site, site.other_key) == 201:
                        return


async def create(site: Gateway, key: str) -> int:
    """The status of a creation whose body comes after its head."""
    async with connect(site.host, site.port) as connection:
        await connection.send(compose("POST", "/v1/recordings", [("X-API-Key", key), ("Content-Length", "2")]))
        await asyncio.sleep(0.2)
        await connection.send(b"{}")
        return (await connection.read_response("POST")).status


async def test_the_uploads_of_one_key_are_streams_of_it(site: Gateway) -> None:
    async with open_client(site.base_url, site.key) as client:
        recording = await client.new_recording()
        promised = [await client.promise(recording) for _ in range(STREAMS + 1)]
        with clients(site, STREAMS + 1) as opened:
            for each, sender in zip(promised, opened, strict=True):
                target = each["upload_url"].removeprefix(site.base_url)
                sender.sendall(compose("PUT", target, [("Content-Length", "60000")], body=bytes(1000)))
            responses: list[bytes] = []
            for _ in range(600):
                responses = list(filter(None, [*responses, *map(first_line, opened)]))
                if responses:
                    break
                await asyncio.sleep(0.05)
            assert responses == [b"HTTP/1.1 429 Too Many Requests"]
            form = b'--B\r\nContent-Disposition: form-data; name="session_uid"\r\n\r\ns\r\n--B--\r\n'
            fields = {"X-API-Key": site.key, "Content-Type": "multipart/form-data; boundary=B"}
            assert (await client.ask("POST", "/internal/recordings/upload", form, headers=fields)).status == 429
            fields = {"X-API-Key": site.other_key, "Content-Type": "multipart/form-data; boundary=B"}
            assert (await client.ask("POST", "/internal/recordings/upload", form, headers=fields)).status == 422


UNREAD: Final = {
    "a body": compose("POST", "/nothing", [("Content-Length", "900000")]) + bytes(300_000),
    "trailers": compose("POST", "/nothing", [("Transfer-Encoding", "chunked")]) + b"0\r\n" + b"X-A: b\r\n" * 20_000,
}


@pytest.mark.parametrize("request_octets", UNREAD.values(), ids=UNREAD)
async def test_bodies_that_no_handler_has_read_are_held_within_a_bound_for_all_connections(
    site: Gateway, request_octets: bytes
) -> None:
    idle = resident(site)
    with clients(site, 1000) as opened:
        for client in opened:
            client.settimeout(0)
            with contextlib.suppress(BlockingIOError):
                client.send(request_octets)
        assert await livez(site) == 200
        responses = [first_line(client) for client in opened]
        assert resident(site) - idle < MEMORY_BOUND
    refusals = {b"HTTP/1.1 400 Bad Request", b"HTTP/1.1 404 Not Found", b"HTTP/1.1 503 Service Unavailable"}
    assert set(responses) <= refusals | {b""}
    # Once they have gone, there is room again.
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await post_nothing(site) != 404:
            pass


async def post_nothing(site: Gateway) -> int:
    async with connect(site.host, site.port) as connection:
        await connection.send(compose("POST", "/nothing", [("Content-Length", "9")]) + bytes(9))
        return (await connection.read_response()).status
