"""Heads that arrive in one turn of the loop each get their own response, whatever happens to the others."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

import pytest

from gateway.web.bytes.started_response import StartedResponse
from gateway.web.fast_path.fast_connection import FastConnection
from gateway.web.fast_path.head_batcher import MAX_BATCH, NotPrepared
from tests.conformance.raw_http import Connection as Client
from tests.conformance.raw_http import ProtocolFaultError, Response, compose, connect
from tests.web.byte_route_site import Site, running_site
from tests.web.fast_path.forwarding import Forwarding

CLIENTS: Final = 2 * MAX_BATCH + 6


def head(site: Site, start: int) -> bytes:
    return compose("GET", site.target, [("X-API-Key", site.key), ("Range", f"bytes={start}-{start + 999}")])


async def ask_together(site: Site, clients: list[Client]) -> list[Response | BaseException]:
    """Every client's response: the gateway finds all their heads when it looks next."""
    for number, client in enumerate(clients):
        await client.send(head(site, number))
    return await asyncio.gather(*(client.read_response() for client in clients), return_exceptions=True)


async def arrive(stack: AsyncExitStack, site: Site, number: int = CLIENTS) -> list[Client]:
    clients = [await stack.enter_async_context(connect("127.0.0.1", site.port)) for _ in range(number)]
    await clients[0].send(head(site, 0))
    await clients[0].read_response()
    return clients


class Watching(Forwarding):
    """A responder, watched: how many were prepared before the first of them was sent."""

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        self.prepared: list[FastConnection] = []
        self.batches: list[int] = []

    def prepare(
        self, connection: FastConnection, octets: bytes, started: float, *, may_wait: bool
    ) -> StartedResponse | NotPrepared:
        self.prepared.append(connection)
        return super().prepare(connection, octets, started, may_wait=may_wait)

    def send(self, connection: FastConnection, response: StartedResponse) -> bool:
        if self.prepared:
            self.batches.append(len(self.prepared))
            self.prepared.clear()
        return super().send(connection, response)


async def test_every_client_gets_its_own_bytes(tmp_path: Path) -> None:
    made: list[Watching] = []

    def before(site: Site) -> Watching:
        made.append(Watching(site))
        return made[0]

    async with running_site(tmp_path, before=before) as site, AsyncExitStack() as stack:
        clients = await arrive(stack, site)
        made[0].prepared.clear()
        for _ in range(3):
            for number, response in enumerate(await ask_together(site, clients)):
                assert isinstance(response, Response)
                assert response.body == site.content[number : number + 1000]
        assert len(site.slow_path_ranges) == 1
    assert 1 < max(made[0].batches) <= MAX_BATCH


class Replacing(Watching):
    """Replaces the file after the fifth head of a batch."""

    def prepare(
        self, connection: FastConnection, octets: bytes, started: float, *, may_wait: bool
    ) -> StartedResponse | NotPrepared:
        if len(self.prepared) == 5:
            other = self.site.path.with_name("other.mp3")
            other.write_bytes(bytes(5000))
            other.replace(self.site.path)
        return super().prepare(connection, octets, started, may_wait=may_wait)


async def test_a_file_that_is_replaced_within_a_batch_is_served_as_one_version_or_the_other(tmp_path: Path) -> None:
    async with running_site(tmp_path, before=Replacing) as site, AsyncExitStack() as stack:
        clients = await arrive(stack, site)
        bodies = set()
        for number, response in enumerate(await ask_together(site, clients)):
            assert isinstance(response, Response)
            is_old = response.head["Content-Range"].endswith(f"/{len(site.content)}")
            assert response.body == (site.content[number : number + 1000] if is_old else bytes(1000))
            bodies.add(is_old)
        assert bodies == {True, False}


class Failing(Watching):
    """Fails for every fifth head."""

    failing = "prepare"
    count = 0

    def prepare(
        self, connection: FastConnection, octets: bytes, started: float, *, may_wait: bool
    ) -> StartedResponse | NotPrepared:
        if self.failing == "prepare":
            self.fail_sometimes()
        return super().prepare(connection, octets, started, may_wait=may_wait)

    def send(self, connection: FastConnection, response: StartedResponse) -> bool:
        done = super().send(connection, response)
        if self.failing == "send":
            self.fail_sometimes()
        return done

    def fail_sometimes(self) -> None:
        self.count += 1
        if self.count % 5 == 0:
            raise RuntimeError


@pytest.mark.parametrize("failing", ["prepare", "send"])
async def test_one_failing_response_does_not_affect_the_others(
    tmp_path: Path, failing: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Failing, "failing", failing)
    async with running_site(tmp_path, before=Failing) as site, AsyncExitStack() as stack:
        clients = await arrive(stack, site, 20)
        responses = await ask_together(site, clients)
        good = [each for each in responses if isinstance(each, Response)]
        assert sum("the fast path cannot" in record.message for record in caplog.records) == 4
        # What was sent whole before the trouble may have arrived.
        assert len(good) == 16 if failing == "prepare" else len(good) >= 16
        assert all(isinstance(each, Response | ProtocolFaultError | OSError | EOFError) for each in responses)
        assert (site.streams.running, site.connections.busy) == (0, set())


async def test_each_of_several_heads_of_one_connection_is_answered(tmp_path: Path) -> None:
    async with running_site(tmp_path) as site, connect("127.0.0.1", site.port) as client:
        await client.send(head(site, 0))
        await client.read_response()
        (connection,) = site.server.connections
        assert isinstance(connection, FastConnection)
        for start in (1, 2, 3):
            connection.data_received(head(site, start))
        for start in (1, 2, 3):
            assert (await client.read_response()).body == site.content[start : start + 1000]


async def test_a_client_that_disconnects_in_between_does_not_affect_others(tmp_path: Path) -> None:
    async with running_site(tmp_path) as site, connect("127.0.0.1", site.port) as client:
        await client.send(head(site, 0))
        await client.read_response()
        async with connect("127.0.0.1", site.port) as other:
            await other.send(head(site, 0))
            await other.read_response()
            for each in site.server.connections:
                assert isinstance(each, FastConnection)
                each.data_received(head(site, 5))
            other.reset()
        assert (await client.read_response()).body == site.content[5:1005]
        assert (site.streams.running, site.connections.busy) == (0, set())


async def test_a_half_closed_client_is_answered_in_its_batch(tmp_path: Path) -> None:
    """A client may close its half of the connection right after its head."""
    async with running_site(tmp_path) as site, connect("127.0.0.1", site.port) as client:
        await client.send(head(site, 0))
        await client.read_response()
        reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
        writer.write(head(site, 1))
        writer.write_eof()
        response = await reader.read()
        writer.close()
        await writer.wait_closed()
    assert response.endswith(site.content[1:1001])


class Losing(Watching):
    """Once `is_losing`, aborts the connection of each response, and has the response wait until that has happened."""

    is_losing = False
    refused = 0

    def prepare(
        self, connection: FastConnection, octets: bytes, started: float, *, may_wait: bool
    ) -> StartedResponse | NotPrepared:
        transport = connection.transport
        if self.is_losing and transport is not None:
            transport.abort()
            return NotPrepared.DEFERRED
        return super().prepare(connection, octets, started, may_wait=may_wait)

    def send(self, connection: FastConnection, response: StartedResponse) -> bool:
        done = super().send(connection, response)
        self.refused += not done
        return done


class Delaying(Watching):
    """Has known heads wait while `is_busy`, unless they may not; `all_wait` is set when those of five connections do."""

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        self.hurried: list[FastConnection] = []
        self.waiting: set[FastConnection] = set()
        self.all_wait = asyncio.Event()
        self.is_busy = False

    def prepare(
        self, connection: FastConnection, octets: bytes, started: float, *, may_wait: bool
    ) -> StartedResponse | NotPrepared:
        if not may_wait:
            self.hurried.append(connection)
        elif self.is_busy and self.recognises(octets):
            self.waiting.add(connection)
            if len(self.waiting) == 5:
                self.all_wait.set()
            return NotPrepared.DEFERRED
        return super().prepare(connection, octets, started, may_wait=may_wait)


@pytest.mark.parametrize("ends", [False, True], ids=["asks again", "half-closes"])
async def test_a_client_that_does_not_wait_does_not_hurry_the_others(tmp_path: Path, *, ends: bool) -> None:
    made: list[Delaying] = []

    def before(site: Site) -> Delaying:
        made.append(Delaying(site))
        return made[0]

    async with running_site(tmp_path, before=before) as site, AsyncExitStack() as stack:
        clients = await arrive(stack, site, 5)
        made[0].is_busy = True
        for number, client in enumerate(clients):
            await client.send(head(site, number))
        await made[0].all_wait.wait()
        if ends:
            clients[2].end()
        else:
            await clients[2].send(head(site, 100))
        assert (await clients[2].read_response()).body == site.content[2:1002]
        assert len(made[0].hurried) == 1
        made[0].is_busy = False
        for number in (0, 1, 3, 4):
            assert (await clients[number].read_response()).body == site.content[number : number + 1000]
        if not ends:
            assert (await clients[2].read_response()).body == site.content[100:1100]


async def test_a_request_after_the_last_one_of_its_connection_is_ignored(tmp_path: Path) -> None:
    async with running_site(tmp_path) as site, AsyncExitStack() as stack:
        last = compose("GET", site.target, [("X-API-Key", site.key), ("Range", "bytes=1-9"), ("Connection", "close")])
        async with connect("127.0.0.1", site.port) as client:
            await client.send(last)
            await client.read_response()
        clients = await arrive(stack, site, 5)
        site.slow_path_ranges.clear()
        site.acceptor.batcher.responder = delaying = Delaying(site)
        delaying.is_busy = True
        for client in clients:
            await client.send(last)
        await delaying.all_wait.wait()
        await clients[1].send(compose("DELETE", site.target))
        assert (await clients[1].read_response()).body == site.content[1:10]
        await clients[1].expect_end()
        assert not site.slow_path_ranges


@pytest.mark.parametrize(
    "end", [999, 999_999], ids=["after a short response", "after one that raised the unsent limit"]
)
async def test_a_head_whose_client_has_disconnected_is_dropped(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, end: int
) -> None:
    made: list[Losing] = []

    def before(site: Site) -> Losing:
        made.append(Losing(site))
        return made[0]

    async with running_site(tmp_path, before=before) as site, connect("127.0.0.1", site.port) as client:
        for _ in range(2):
            await client.send(compose("GET", site.target, [("X-API-Key", site.key), ("Range", f"bytes=0-{end}")]))
            await client.read_response()
        made[0].is_losing = True
        await client.send(head(site, 0))
        await site.until_no_connection()
    assert (made[0].refused, site.held._heads) == (1, 0)
    assert not caplog.records


async def test_a_client_that_is_alone_is_answered_without_another_turn_of_the_loop(tmp_path: Path) -> None:
    made: list[Watching] = []

    def before(site: Site) -> Watching:
        made.append(Watching(site))
        return made[0]

    async with running_site(tmp_path, before=before) as site, connect("127.0.0.1", site.port) as client:
        for _ in range(2):
            await client.send(head(site, 0))
            await client.read_response()
        (connection,) = site.server.connections
        assert isinstance(connection, FastConnection)
        made[0].batches.clear()
        connection.data_received(head(site, 1))
        assert made[0].batches == [1]
        assert (await client.read_response()).body == site.content[1:1001]
