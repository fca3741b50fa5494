"""Ten thousand clients that disconnect in the middle of a response, which is normal and not an error."""

import asyncio
import json
import random
import socket
import struct
from contextlib import AsyncExitStack
from typing import Final, NamedTuple

from tests.conformance.ask import asker, compose_row
from tests.conformance.media import Media
from tests.conformance.raw_http import connect
from tests.conformance.table import Row, ranged
from tests.endurance.footprint import Footprint, abandoned_answers, running_streams, sent_bytes, settle
from tests.gateway_process import Gateway
from tests.uploads.waiting import wait_until

MAX_CONCURRENT: Final = 50
HASTY_CLIENTS: Final = 300
REHEARSAL: Final = 1_000
CLIENTS: Final = 10_000
WHOLE: Final = Row("whole", (), 200)
RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)
# The allocator may retain a little; a leak of half a kilobyte per client would be 5 MiB.
MOST_GROWTH_BYTES: Final = 4 * 1024 * 1024

# The pool of database connections may have grown.
MOST_NEW_DESCRIPTORS: Final = 10
IDLE_READERS: Final = 300
# Half a MiB may wait unsent in the gateway's kernel, the client reads ahead half a MiB, and its kernel's buffer is small: by
# default it would take up to 6 MiB. Without a limit 4 MiB and more would wait unsent.
RECEIVE_BYTES: Final = 64 * 1024
MOST_WASTED_BYTES: Final = 2 * 1024 * 1024
MOST_BYTES_A_READER: Final = 150 * 1024


class Visit(NamedTuple):
    """How much of the request is sent (None: all), how many bytes are read at least, and how the client disconnects."""

    sent: int | None
    read: int
    half_close: bool
    reset: bool


VISITS: Final = tuple(
    Visit(sent, read, half_close, reset)
    for sent, read in ((40, 0), (None, 0), (None, 1), (None, 1), (None, 200_000))
    for half_close in (False, False, True)
    for reset in (False, True)
)


async def leave(site: Gateway, octets: bytes, visit: Visit) -> None:
    """Connect, send a request, read a little or nothing, and disconnect."""
    loop = asyncio.get_running_loop()
    with socket.socket() as client:
        client.settimeout(0)
        await loop.sock_connect(client, (site.host, site.port))
        await loop.sock_sendall(client, octets[: visit.sent])
        if visit.half_close:
            client.shutdown(socket.SHUT_WR)
        await read_at_least(client, visit.read)
        if visit.reset:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)


async def read_at_least(client: socket.socket, count: int) -> None:
    """Read that many bytes, or until the gateway closes the connection of a client that has half-closed it."""
    loop = asyncio.get_running_loop()
    while count > 0:
        chunk = await loop.sock_recv(client, 65_536)
        count -= len(chunk) or count


async def storm(site: Gateway, media: Media, clients: int) -> None:
    """Make that many visits, at most MAX_CONCURRENT at the same time."""
    octets = compose_row(site, WHOLE, media)
    visits = iter(random.Random(5).choices(VISITS, k=clients))

    async def visitor() -> None:
        for visit in visits:
            await leave(site, octets, visit)

    async with asyncio.TaskGroup() as group:
        for _ in range(MAX_CONCURRENT):
            group.create_task(visitor())


async def test_ten_thousand_clients_that_disconnect_mid_body_leak_nothing(site: Gateway, large: Media) -> None:
    await storm(site, large, REHEARSAL)
    before = await settle(site)
    await storm(site, large, CLIENTS)
    after = await settle(site)
    assert after.descriptors <= before.descriptors + MOST_NEW_DESCRIPTORS
    # At least the clients that had read some of the response were counted.
    assert await abandoned_answers(site) > CLIENTS * 2 // 5
    assert after.resident_bytes - before.resident_bytes < MOST_GROWTH_BYTES
    await asker(site)(ranged("next", "bytes=0-4", 206, "0-4"), large)
    assert "Traceback" not in site.log_text()


async def ask_and_go(site: Gateway, media: Media, name: str) -> None:
    """Read one response to its end, send another request on the same connection, and disconnect immediately."""
    async with connect(site.host, site.port) as client:
        await client.send(compose_row(site, ranged("first", "bytes=0-4", 206, "0-4"), media))
        await client.read_response()
        fields = (("Range", "bytes=5-70000"), ("X-Request-Id", name))
        await client.send(compose_row(site, Row(name, fields, 206), media))
        client.reset()


async def test_the_access_log_has_a_line_for_each_client_that_disconnects_immediately(
    site: Gateway, large: Media
) -> None:
    names = {f"hasty-{number}" for number in range(HASTY_CLIENTS)}
    for name in names:
        await ask_and_go(site, large, name)
    await wait_until(lambda: names <= {json.loads(line)["request_id"] for line in filter(None, site.process.accesses)})


async def test_a_client_that_stops_reading_costs_little_memory(site: Gateway, large: Media) -> None:
    octets = compose_row(site, WHOLE, large)
    before = await settle(site)
    async with AsyncExitStack() as stack:
        for _ in range(IDLE_READERS):
            reader = await stack.enter_async_context(connect(site.host, site.port))
            await reader.send(octets)
            await reader.read_head()
        assert await running_streams(site) == IDLE_READERS
        held = Footprint.of(site.pid).resident_bytes - before.resident_bytes
    assert held / IDLE_READERS <= MOST_BYTES_A_READER
    assert (await settle(site)).descriptors <= before.descriptors + MOST_NEW_DESCRIPTORS


async def test_little_is_sent_to_a_client_that_stops_reading(site: Gateway, large: Media) -> None:
    await settle(site)
    before = await sent_bytes(site)
    async with connect(site.host, site.port, receive_bytes=RECEIVE_BYTES) as reader:
        await reader.send(compose_row(site, WHOLE, large))
        await reader.read_head()
        # Meanwhile the gateway may fill all buffers.
        for _ in range(3):  # each waits until the metrics are new
            assert await running_streams(site) == 1
    await settle(site)
    assert await sent_bytes(site) - before <= MOST_WASTED_BYTES
