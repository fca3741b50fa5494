"""What a client can make a worker hold, in bytes and in time; each bound is a number here."""

import asyncio
import json
import re
import socket
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from itertools import islice
from pathlib import Path
from typing import Final

import pytest

from gateway.web.receiving.json_bodies import MAX_ARRIVING_OF_A_KEY
from gateway.web.receiving.upload_bodies import Pace, ReceiveLimits
from tests.clock import Clock
from tests.conformance.bota_calls import create, get
from tests.conformance.raw_http import compose, connect
from tests.conformance.test_search_and_edits import put_transcript
from tests.gateway_process import Gateway, running_gateway
from tests.uploads.client import open_client

MEMORY_BOUND: Final = 64 * 2**20
STALL_SECONDS: Final = 2
SETTINGS: Final = {
    "SEEKGATE_RATE_LIMITS__ENABLED": "false",
    "SEEKGATE_DELIVERY__STALL_TIMEOUT_SECONDS": str(STALL_SECONDS),
    "SEEKGATE_UPLOADS__STALL_TIMEOUT_SECONDS": str(STALL_SECONDS),
    "SEEKGATE_UPLOADS__LEAST_BYTES_PER_SECOND": "1000",
    "SEEKGATE_UPLOADS__INTERNAL_SECRET": "the secret of the meeting bots, shared",
}
# Nothing that arrives during a test is too slow, however busy the machine is.
PATIENT: Final = {"SEEKGATE_UPLOADS__STALL_TIMEOUT_SECONDS": "120", "SEEKGATE_UPLOADS__LEAST_BYTES_PER_SECOND": "1"}


@pytest.fixture(scope="module")
def tight(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway with little patience."""
    with running_gateway(postgres, tmp_path_factory.mktemp("tight"), SETTINGS) as gateway:
        yield gateway


def resident(site: Gateway) -> int:
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{site.pid}/status").read_text("ascii"))
    assert found is not None
    return int(found[1]) * 1024


def open_sockets(site: Gateway) -> int:
    """How many sockets the gateway has open."""
    descriptors = Path(f"/proc/{site.pid}/fd").iterdir()
    return sum(1 for each in descriptors if _is_socket(each))


def _is_socket(path: Path) -> bool:
    try:
        return str(path.readlink()).startswith("socket:")
    except FileNotFoundError:
        return False


def narrow(site: Gateway) -> socket.socket:
    """A connection whose client takes in a few KiB and then nothing."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect((site.host, site.port))
    client.settimeout(0)
    return client


def push(client: socket.socket, octets: bytes, most: int) -> int:
    """Send the octets again and again, as far as the gateway takes them without being read."""
    sent = 0
    while sent < most:
        try:
            sent += client.send(octets[sent % len(octets) :])
        except OSError:
            break
    return sent


async def test_large_fields_of_forms_take_the_places_of_bodies_that_still_arrive(postgres: str, tmp_path: Path) -> None:
    part = b'--B\r\nContent-Disposition: form-data; name="metadata"\r\n\r\n'
    parts = part + bytes(5000) + b"\r\n" + part + bytes(60_000)
    with running_gateway(postgres, tmp_path, SETTINGS | PATIENT) as site:
        idle = resident(site)
        fields = [
            ("X-API-Key", site.key),
            ("Content-Length", "100000"),
            ("Content-Type", "multipart/form-data; boundary=B"),
        ]
        async with AsyncExitStack() as stack, asyncio.TaskGroup() as group:
            opened = [await stack.enter_async_context(connect(site.host, site.port)) for _ in range(400)]
            for connection in opened:
                await connection.send(compose("POST", "/internal/recordings/upload", fields, body=parts))
            responses = [group.create_task(connection.read_head()) for connection in opened]
            # All but those that got a place are refused, while these wait. A form takes one, however many fields it has.
            for response in islice(asyncio.as_completed(responses), len(opened) - MAX_ARRIVING_OF_A_KEY):
                assert (await response).status == 503
            assert resident(site) - idle < MEMORY_BOUND
            assert sum(not response.done() for response in responses) == MAX_ARRIVING_OF_A_KEY
            for response in responses:
                response.cancel()


async def test_an_unread_response_ends_on_every_route(tight: Gateway) -> None:
    before = open_sockets(tight)
    paths = (
        "/openapi.json",
        "/docs/000000000000/swagger-ui-bundle.js",
        "/player/000000000000/player.css",
        "/metrics",
        "/no/such/route",
    )
    clients = [narrow(tight) for _ in paths]
    for client, path in zip(clients, paths, strict=True):
        # Enough of them that the kernel's buffers are full whatever their size.
        push(client, compose("GET", path, [("X-API-Key", tight.key)]) * 20_000, 2**20)
    for client in clients:
        # Its response has begun, and nothing of it is taken.
        client.settimeout(60)
        await asyncio.to_thread(client.recv, 1, socket.MSG_PEEK)
    deadline = time.monotonic() + 60
    while open_sockets(tight) > before:
        assert time.monotonic() < deadline, "a client that takes nothing holds its connection"
        await asyncio.sleep(0.2)
    for client in clients:
        client.close()


@pytest.mark.parametrize(
    "head",
    [
        compose("GET", "/openapi.json", [("X-Padding", "a" * 20_000)]),
        compose("GET", "/recordings", [("X-API-Key", "x" * 20_000)]),
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 30_000,
        b"POST /v1/recordings HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + compose("GET", "/", [("X", "a" * 8000)]),
        b"POST /v1/recordings HTTP/1.1\r\nHost: x\r\nContent-Length: 900000000\r\n\r\n" + b" " * 60_000,
        b"\xff" * 30_000,
        b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 2000,
    ],
    ids=["unread responses", "unread refusals", "half a head", "chunks and more", "a body nobody reads", "no HTTP", "many fields"],
)  # fmt: skip
async def test_a_worker_grows_by_less_than_64_mib_under_attack(tight: Gateway, head: bytes) -> None:
    idle = resident(tight)
    clients = [narrow(tight) for _ in range(100)]
    most = idle
    for _ in range(6):
        for client in clients:
            push(client, head, 400_000)
        await asyncio.sleep(0.2)
        most = max(most, resident(tight))
    for client in clients:
        client.close()
    assert most - idle < MEMORY_BOUND
    async with connect(tight.host, tight.port) as connection:
        await connection.send(compose("GET", "/livez"))
        assert (await connection.read_response()).status == 200


async def test_unread_transcripts_of_a_key_are_bounded(tight: Gateway) -> None:
    recording: str = (await create(tight))["id"]
    words = "lorem ipsum " * 300
    document = {"segments": [{"start": n, "end": n + 1, "text": f"{n} {words}"} for n in range(1000)]}
    put = await put_transcript(tight, recording, json.dumps(document), "application/json")
    assert put.status == 204
    request = compose("GET", f"/v1/recordings/{recording}/transcript", [("X-API-Key", tight.key)])
    idle, most = resident(tight), 0
    clients = [narrow(tight) for _ in range(60)]
    for client in clients:
        client.send(request)
    statuses = []
    for client in clients:
        client.settimeout(60)
        statuses.append((await asyncio.to_thread(client.recv, 12, socket.MSG_PEEK))[-3:])
        most = max(most, resident(tight))
    for client in clients:
        client.close()
    assert set(statuses) == {b"200", b"503"}
    assert most - idle < MEMORY_BOUND
    assert (await get(tight, f"/v1/recordings/{recording}/transcript"))["segments"]


async def test_requests_after_a_stream_are_not_read_ahead(tight: Gateway) -> None:
    recording_id, media_file_id = tight.add("large", bytes(4 * 2**20), "mp3")
    stream = compose("GET", f"/recordings/{recording_id}/media/{media_file_id}/raw", [("X-API-Key", tight.key)])
    idle = resident(tight)
    clients = [narrow(tight) for _ in range(50)]
    for client in clients:
        client.send(stream)
    await asyncio.sleep(0.3)
    for _ in range(4):
        for client in clients:
            push(client, compose("GET", "/livez", [("X", "a" * 8000)] * 3), 3_000_000)
        await asyncio.sleep(0.2)
    grown = resident(tight) - idle
    for client in clients:
        client.close()
    assert grown < MEMORY_BOUND / 2


PUT, BOT = "PUT", "BOT"


@pytest.mark.parametrize("route", ["put", "tus", "bot"])
async def test_an_upload_slower_than_the_least_rate_is_ended(tight: Gateway, route: str) -> None:
    async with open_client(tight.base_url, tight.key) as client:
        recording = await client.new_recording()
        promised = await client.promise(recording)
    target = promised["upload_url"].removeprefix(tight.base_url)
    key = ("X-API-Key", tight.key)
    octets = {
        "put": compose("PUT", target, [("Content-Length", "100000")]),
        "tus": compose("PATCH", target, [("Content-Length", "100000"), ("Tus-Resumable", "1.0.0"), ("Upload-Offset", "0")]),
        "bot": compose(
            "POST", "/internal/recordings/upload",
            [key, ("Content-Length", "100000"), ("Content-Type", "multipart/form-data; boundary=B")],
            body=b'--B\r\nContent-Disposition: form-data; name="session_uid"\r\n\r\ns\r\n'
            b'--B\r\nContent-Disposition: form-data; name="file"\r\n\r\n',
        ),
    }[route]  # fmt: skip
    async with connect(tight.host, tight.port) as connection:
        await connection.send(octets)
        answer = asyncio.create_task(connection.read_response("PUT"))
        # Never silent for as long as the stall time-out.
        for _ in range(60):
            if answer.done():
                break
            await connection.send(b"x" * 10)
            await asyncio.sleep(0.25)
        response = await answer
    assert response.status in ({409, 408} if route == "tus" else {408})


async def test_the_rate_is_that_of_the_client_over_a_window() -> None:
    clock = Clock()
    pace = Pace(ReceiveLimits(60, 100), clock)

    async def after(seconds: float, count: int) -> bytes:
        clock.seconds += seconds
        return bytes(count)

    for _ in range(5):
        assert await pace.next(after(59, 6100)) == bytes(6100)
        clock.seconds += 1000  # our own writing does not count
        assert await pace.next(after(1, 0)) == b""
    await pace.next(after(30, 3000))
    with pytest.raises(Exception, match="100 bytes per second"):
        await pace.next(after(30, 2000))


async def livez_milliseconds(site: Gateway, seconds: float) -> float:
    """The slowest of many responses of /livez, each on a connection that is open already."""
    slowest = 0.0
    async with connect(site.host, site.port) as connection:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            started = time.monotonic()
            await connection.send(compose("GET", "/livez"))
            assert (await connection.read_response()).status == 200
            slowest = max(slowest, time.monotonic() - started)
            await asyncio.sleep(0.005)
    return slowest * 1000


ATTACKS: Final = {
    "json bodies of 1 MB": b'{"metadata": {' + b",".join(b'"%d": [{}]' % n for n in range(90_000)) + b"}}",
    "json bodies of 64 KiB": b'{"metadata": ' + b"[" * 30_000 + b"]" * 30_000 + b"}",
    "many unknown members": b"{" + b",".join(b'"%d":1' % n for n in range(8000)) + b"}",
}


@pytest.mark.parametrize("attack", ATTACKS)
async def test_livez_answers_beside_large_json_bodies(tight: Gateway, attack: str) -> None:
    body = ATTACKS[attack]
    octets = compose(
        "POST", "/v1/recordings", [("X-API-Key", tight.key), ("Content-Length", str(len(body)))], body=body
    )
    alone = await livez_milliseconds(tight, 1)

    async def attacker() -> None:
        for _ in range(20):
            async with connect(tight.host, tight.port) as connection:
                await connection.send(octets)
                assert (await connection.read_response("POST")).status in {400, 413}

    async with AsyncExitStack(), asyncio.TaskGroup() as group:
        for _ in range(2):
            group.create_task(attacker())
        slowest = await livez_milliseconds(tight, 1)
    # 50 ms on a quiet machine; what the machine itself is late by is measured before.
    assert slowest < 50 + 3 * alone + 150
