"""Clients that closed their connection while the gateway has nothing to send: only a FIN arrives, as from one that waits."""

import asyncio
from pathlib import Path

import pytest
from aiohttp import web

from gateway.web.connections import slow_clients
from tests.conformance.raw_http import compose
from tests.web import byte_route_site


@pytest.mark.parametrize("port", ["port", "plain_port"])
async def test_a_request_ends_soon_after_its_client_has_closed_the_connection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, port: str
) -> None:
    begun, ended = asyncio.Event(), asyncio.Event()

    async def never(_request: web.Request) -> web.StreamResponse:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        return web.Response()

    monkeypatch.setattr(byte_route_site, "_elsewhere", never)
    monkeypatch.setattr(slow_clients, "HALF_CLOSED_SECONDS", 0.1)
    async with byte_route_site.running_site(tmp_path) as site:
        _, writer = await asyncio.open_connection("127.0.0.1", getattr(site, port))
        writer.write(compose("GET", "/elsewhere"))
        await begun.wait()
        writer.close()
        await writer.wait_closed()
        async with asyncio.timeout(20):
            await ended.wait()
