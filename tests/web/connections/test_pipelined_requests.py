"""Requests that were sent ahead are parsed one at a time, also if more arrives before the first of them is parsed.

uvloop delivers what has arrived on a socket before it runs callbacks that were scheduled in the same turn of the loop.
The tests deliver it themselves, because a socket cannot be made to be that punctual.
"""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from gateway.web.connections import client_connection
from gateway.web.connections.client_connection import ClientConnection
from gateway.web.connections.slow_clients import SilenceWatch
from tests.conformance.raw_http import Connection, compose, connect
from tests.web.byte_route_site import running_site
from tests.web.fast_path.fast_requests import ask

REQUEST = compose("GET", "/elsewhere", [(f"X-{number}", "a") for number in range(40)])


@pytest.fixture
async def both_ends(tmp_path: Path) -> AsyncGenerator[tuple[Connection, ClientConnection]]:
    """A client, and its connection in the gateway, which has answered one request."""
    async with running_site(tmp_path) as site, connect("127.0.0.1", site.plain_port) as client:
        await ask(client, compose("GET", "/elsewhere"))
        (connection,) = site.server.connections
        assert isinstance(connection, ClientConnection)
        yield client, connection


async def test_heads_that_were_held_are_not_parsed_as_one(both_ends: tuple[Connection, ClientConnection]) -> None:
    """The fields of two requests are more than one may have."""
    client, connection = both_ends
    connection.hold()
    connection.data_received(REQUEST)
    connection.data_received(REQUEST)
    connection.release()
    connection.data_received(REQUEST)
    for _ in range(3):
        assert (await client.read_response()).status == 404


async def test_a_held_request_is_answered_if_the_client_then_half_closes(
    both_ends: tuple[Connection, ClientConnection],
) -> None:
    client, connection = both_ends
    connection.hold()
    connection.data_received(REQUEST)
    connection.release()
    assert connection.eof_received()
    assert (await client.read_response()).status == 404
    await client.expect_end()


async def test_a_half_closed_connection_is_watched_once(
    both_ends: tuple[Connection, ClientConnection], monkeypatch: pytest.MonkeyPatch
) -> None:
    """uvloop reports the end again when reading resumes. A second watch would outlive the connection, and fail."""
    watches: list[SilenceWatch] = []

    def watch(*arguments: Any) -> SilenceWatch:
        watches.append(SilenceWatch(*arguments))
        return watches[-1]

    monkeypatch.setattr(client_connection, "SilenceWatch", watch)
    client, connection = both_ends
    connection.hold()
    connection.data_received(REQUEST)
    assert connection.eof_received()
    assert connection.eof_received()
    assert len(watches) == 1
    connection.release()
    assert (await client.read_response()).status == 404
    await client.expect_end()
