"""A response that does not fit into the socket continues in a stream, or the connection is cut."""

import asyncio
import errno
import os
import socket
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Final

import pytest

from gateway.web.bytes.started_response import StartedResponse
from gateway.web.connections.connection_context import MAX_HELD_BYTES
from gateway.web.fast_path.composed_responses import WANTED_BYTES
from gateway.web.fast_path.fast_connection import FastConnection
from tests.conformance.raw_http import Connection as Client
from tests.conformance.raw_http import ProtocolFaultError, TruncatedError, compose, connect
from tests.web.byte_route_site import SIZE, Site, running_site
from tests.web.fast_path.fast_requests import FIRST, ask, head
from tests.web.fast_path.forwarding import Forwarding

LONG: Final = 500_000
BUFFER_BYTES: Final = 32 * 1024


class Interfering(Forwarding):
    """Does something after a response was begun."""

    def __init__(self, site: Site) -> None:
        super().__init__(site)
        self.begun: list[StartedResponse] = []

    def send(self, connection: FastConnection, response: StartedResponse) -> bool:
        done = super().send(connection, response)
        if connection.is_responding:
            self.begun.append(response)
            self.interfere(connection)
        return done

    def interfere(self, connection: FastConnection) -> None:
        pass


class Removing(Interfering):
    def interfere(self, _connection: FastConnection) -> None:
        self.site.path.unlink()


class Cutting(Interfering):
    def interfere(self, connection: FastConnection) -> None:
        assert connection.transport is not None
        connection.transport.abort()


class Draining(Interfering):
    def interfere(self, _connection: FastConnection) -> None:
        self.site.drain.request()


async def begin(site: Site, interfering: Interfering, client: Client, asked: str = f"bytes=1-{LONG}") -> None:
    """Ask for more than the kernels of both sides hold together, and read nothing of it."""
    await ask(client, head(site, FIRST))
    await client.send(head(site, asked))
    async with connect("127.0.0.1", site.plain_port) as other:
        await ask(other, head(site, FIRST))  # the gateway has read what was sent before
    assert len(interfering.begun) == 1


def narrow(site: Site) -> AbstractAsyncContextManager[Client]:
    """A client whose kernel takes in little ahead of it."""
    return connect("127.0.0.1", site.port, receive_bytes=BUFFER_BYTES)


@asynccontextmanager
async def interfered(
    root: Path, kind: type[Interfering], *, keepalive_timeout: float = 75.0
) -> AsyncGenerator[tuple[Site, Interfering]]:
    made: list[Interfering] = []

    def before(site: Site) -> Interfering:
        made.append(kind(site))
        return made[0]

    async with running_site(root, before=before, send_bytes=BUFFER_BYTES, keepalive_timeout=keepalive_timeout) as site:
        yield site, made[0]


@pytest.mark.parametrize("asked", [f"bytes=1-{LONG}", "bytes=1-"])
async def test_a_client_that_reads_on_gets_every_byte(tmp_path: Path, asked: str) -> None:
    async with interfered(tmp_path, Interfering) as (site, interfering), narrow(site) as client:
        await begin(site, interfering, client, asked)
        end = LONG + 1 if asked[-1] != "-" else SIZE
        assert (await client.read_response()).body == site.content[1:end]
        assert (await ask(client, head(site, FIRST))).status == 206
        assert (site.streams.running, site.connections.busy) == (0, set())
        begun = interfering.begun[0].exchange
        assert [each["sent"] for each in await site.log_lines() if each["request_id"] == begun.request_id] == [end - 1]
    assert site.slow_path_ranges.count(asked) == 0


async def test_a_response_ends_its_connection_if_requests_after_it_were_dropped(tmp_path: Path) -> None:
    """Otherwise a later request would get its response in the place of those."""
    async with interfered(tmp_path, Interfering) as (site, interfering), narrow(site) as client:
        await begin(site, interfering, client)
        site.held.add(MAX_HELD_BYTES)
        await client.send(head(site, "bytes=5-5"))
        async with connect("127.0.0.1", site.plain_port) as other:
            await ask(other, head(site, FIRST))  # the gateway has read what was sent before
        site.held.add(-MAX_HELD_BYTES)
        assert (await client.read_response()).body == site.content[1 : LONG + 1]
        await client.expect_end()


async def test_a_file_that_is_deleted_during_its_response_cuts_it(tmp_path: Path) -> None:
    async with interfered(tmp_path, Removing) as (site, interfering), narrow(site) as client:
        await begin(site, interfering, client)
        with pytest.raises((TruncatedError, ProtocolFaultError)):
            await client.read_response()
        assert (site.streams.running, site.connections.busy) == (0, set())
        assert interfering.begun[0].exchange.outcome == "aborted"


async def test_a_client_that_disconnected_meanwhile_is_reported_as_such(tmp_path: Path) -> None:
    async with interfered(tmp_path, Cutting) as (site, interfering), narrow(site) as client:
        await begin(site, interfering, client)
        async with asyncio.timeout(5):
            await site.connections.wait_idle(site.server)
        assert site.connections.busy == set()
        assert interfering.begun[0].exchange.outcome == "client_closed"
        assert any(each["outcome"] == "client_closed" for each in await site.log_lines())


async def test_a_client_that_disconnects_while_it_waits_is_reported_as_such(tmp_path: Path) -> None:
    async with interfered(tmp_path, Interfering) as (site, interfering):
        async with narrow(site) as client:
            await begin(site, interfering, client)
            client.reset()
        async with asyncio.timeout(5):
            await site.connections.wait_idle(site.server)
        assert site.connections.busy == set()
        assert interfering.begun[0].exchange.outcome == "client_closed"


async def test_a_drain_lets_the_response_end_and_closes_its_connection(tmp_path: Path) -> None:
    async with interfered(tmp_path, Draining) as (site, interfering), narrow(site) as client:
        await begin(site, interfering, client)
        site.server.pre_shutdown()
        assert (await client.read_response()).body == site.content[1 : LONG + 1]
        await client.expect_end()
        assert (site.streams.running, site.connections.busy) == (0, set())


async def test_a_slow_reader_is_not_idle(tmp_path: Path) -> None:
    async with interfered(tmp_path, Interfering, keepalive_timeout=0.1) as (site, interfering), narrow(site) as client:
        await begin(site, interfering, client)
        await asyncio.sleep(0.3)
        assert (await client.read_response()).body == site.content[1 : LONG + 1]


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        (errno.EIO, "aborted"),
        (errno.EMFILE, "aborted"),
        (errno.ENOMEM, "aborted"),
        (errno.EPIPE, "client_closed"),
        (errno.ECONNRESET, "client_closed"),
        (errno.ETIMEDOUT, "client_closed"),
    ],
)
async def test_an_error_of_ours_is_not_reported_as_the_clients(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: int, outcome: str
) -> None:
    def fail(*_: object) -> int:
        raise OSError(fault, os.strerror(fault))

    async with running_site(tmp_path) as site:
        for port in (site.port, site.plain_port):
            async with connect("127.0.0.1", port) as client:
                await ask(client, head(site, FIRST))
                with monkeypatch.context() as patched:
                    patched.setattr(os, "sendfile", fail)
                    await client.send(head(site, "bytes=5-"))
                    with pytest.raises((TruncatedError, ProtocolFaultError)):
                        await client.read_response()
                async with asyncio.timeout(5):
                    await site.connections.wait_idle(site.server)
        lines = [line for line in await site.log_lines() if line["range"] == "bytes=5-"]
    assert [line["outcome"] for line in lines] == [outcome] * 2
    assert [line["sent"] for line in lines] == [0, 0]


async def test_a_file_that_cannot_be_read_while_the_socket_is_full_ends_its_stream(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    async with interfered(tmp_path, Interfering) as (site, _), narrow(site) as client:
        await ask(client, head(site, FIRST))
        monkeypatch.setattr(os, "pread", fail)
        await client.send(head(site, f"bytes=1-{LONG}"))
        with pytest.raises((TruncatedError, ProtocolFaultError)):
            await client.read_response()
        assert (site.streams.running, site.connections.busy) == (0, set())
        lines = [line["outcome"] for line in await site.log_lines()]
    assert lines == ["complete", "aborted"]


async def test_a_key_that_has_its_streams_gets_no_more_until_one_ends(tmp_path: Path) -> None:
    async with running_site(tmp_path, streams_per_reader=1) as site, connect("127.0.0.1", site.port) as client:
        for asked in (FIRST, "bytes=0-"):
            await ask(client, head(site, asked))
        reader = next(iter(await site.keys.list_keys())).id
        with site.streams.of(reader):
            for asked in (FIRST, "bytes=0-"):
                refused = await ask(client, head(site, asked))
                assert (refused.status, refused.head["Retry-After"]) == (429, "1")
            signed = await ask(client, compose("GET", site.signed_target, [("Range", FIRST)]))
            assert signed.status == 206
        assert (await ask(client, head(site, "bytes=0-"))).status == 206
        assert site.streams.running == 0


async def test_a_whole_short_response_may_wait_unsent_until_aiohttp_answers_again(tmp_path: Path) -> None:
    async with running_site(tmp_path) as site, connect("127.0.0.1", site.port) as client:
        await ask(client, head(site, FIRST))
        (connection,) = site.server.connections
        assert connection.transport is not None
        sock = connection.transport.get_extra_info("socket")

        def limit() -> int:
            return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT)  # type: ignore[no-any-return]

        usual = limit()
        assert (await ask(client, head(site, "bytes=0-999999"))).body == site.content[:1_000_000]
        assert limit() == WANTED_BYTES
        assert (await ask(client, head(site, "bytes=0-4,9000-9004"))).status == 206
        assert limit() == usual
