"""Connections that only send errors: each costs little, and none costs it for long."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator

import pytest

from gateway.web.connections.client_connection import MAX_REFUSALS
from gateway.web.connections.slow_clients import MAX_LINGERERS
from tests.conformance.raw_http import compose, connect
from tests.gateway_process import Gateway, running_gateway
from tests.web.access.test_bounds import open_sockets

BROKEN = b"GET / HTTP/1.1\r\nHost: x\r\nA: \0\r\n\r\n"


@pytest.fixture(scope="module")
def site(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    settings = {"SEEKGATE_RATE_LIMITS__ENABLED": "false"}
    with running_gateway(postgres, tmp_path_factory.mktemp("refused"), settings) as gateway:
        yield gateway


async def test_a_connection_whose_client_has_left_after_a_refusal_is_closed_immediately(site: Gateway) -> None:
    before = open_sockets(site)
    for _ in range(300):
        async with connect(site.host, site.port) as connection:
            await connection.send(BROKEN)
            assert (await connection.read_response()).status == 400
            await connection.expect_end()
    # Each would wait a second for what its client still sends.
    assert open_sockets(site) - before < 20


def test_a_process_waits_for_few_clients_that_stay_after_a_refusal(site: Gateway) -> None:
    before = open_sockets(site)
    with contextlib.ExitStack() as stack:
        clients = [
            stack.enter_context(socket.create_connection((site.host, site.port), timeout=60))
            for _ in range(MAX_LINGERERS + 200)
        ]
        for client in clients:
            client.send(BROKEN)
        for client in clients:
            while client.recv(4096):
                pass
        assert open_sockets(site) - before <= MAX_LINGERERS + 20


async def test_a_client_that_is_refused_again_and_again_loses_its_connection(site: Gateway) -> None:
    refused = compose("GET", "/no/such/route")
    async with connect(site.host, site.port) as connection:
        for number in range(1, MAX_REFUSALS + 1):
            await connection.send(refused)
            response = await connection.read_response()
            assert (response.head.get("Connection") == "close") == (number == MAX_REFUSALS)
        await connection.expect_end()


async def test_a_success_between_refusals_keeps_the_connection(site: Gateway) -> None:
    octets = compose("GET", "/no/such/route") * (MAX_REFUSALS - 1) + compose("GET", "/livez")
    async with connect(site.host, site.port) as connection:
        sending = asyncio.create_task(connection.send(octets * 3))
        for _ in range(MAX_REFUSALS * 3):
            assert (await connection.read_response()).head.get("Connection") is None
        await sending
