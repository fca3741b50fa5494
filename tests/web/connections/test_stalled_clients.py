"""Clients that read nothing are disconnected, also after their connection was closed; those that read slowly are not."""

import asyncio
from itertools import count
from pathlib import Path
from typing import Final

import pytest
from aiohttp import web

from gateway.web.connections import outgoing
from tests.conformance.raw_http import compose, connect
from tests.web import byte_route_site
from tests.web.fast_path.fast_requests import FIRST, ask, head

BUFFER_BYTES: Final = 32 * 1024
STALL_SECONDS: Final = 0.2


async def test_a_download_that_follows_another_response_may_be_read_slowly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The transport holds 4096 bytes all the time, but not the same ones."""
    taken = count()
    monkeypatch.setattr(outgoing, "_unacknowledged_bytes", lambda _fd: next(taken))
    async with (
        byte_route_site.running_site(tmp_path, send_bytes=BUFFER_BYTES, stall_timeout=STALL_SECONDS) as site,
        connect("127.0.0.1", site.port, receive_bytes=BUFFER_BYTES) as client,
    ):
        await ask(client, head(site, FIRST))
        await client.send(head(site, "bytes=0-"))
        await asyncio.sleep(5 * STALL_SECONDS)
        assert (await client.read_response()).body == site.content


async def test_a_client_that_reads_nothing_does_not_hold_a_connection_that_was_closed_as_idle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Closing waits for the client to take what the transport holds."""

    async def large(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.set_write_buffer_limits(high=1 << 30)
        return web.Response(body=bytes(4 << 20))

    monkeypatch.setattr(byte_route_site, "_elsewhere", large)
    async with (
        byte_route_site.running_site(
            tmp_path, send_bytes=BUFFER_BYTES, keepalive_timeout=STALL_SECONDS / 2, stall_timeout=STALL_SECONDS
        ) as site,
        connect("127.0.0.1", site.port, receive_bytes=BUFFER_BYTES) as client,
    ):
        await client.send(compose("GET", "/elsewhere"))
        await client.read_head()
        assert site.server.connections
        await site.until_no_connection()
