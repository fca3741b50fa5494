"""What the kernel holds of request bodies that nobody has read yet."""

import asyncio
import socket
from pathlib import Path

import pytest
import uvloop
from aiohttp import web

from gateway.web.connections import request_feed
from gateway.web.connections.connection_context import SMALL_BUFFER_BYTES
from tests.conformance.raw_http import compose, connect
from tests.web.byte_route_site import running_site


async def test_the_kernel_holds_little_for_one_of_many_bodies_until_it_is_answered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request_feed, "MANY_BODIES", 1)
    sockets: asyncio.Queue[socket.socket] = asyncio.Queue()
    may_answer = asyncio.Event()

    async def handle(request: web.BaseRequest) -> web.Response:
        assert request.transport is not None
        sockets.put_nowait(request.transport.get_extra_info("socket"))
        await may_answer.wait()
        await request.read()
        return web.Response()

    def held_at_most(opened: socket.socket) -> int:
        return opened.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)

    def is_set(opened: socket.socket) -> bool:
        return bool(opened.getsockopt(socket.SOL_SOCKET, 72))  # SO_BUF_LOCK

    async with running_site(tmp_path) as site, asyncio.timeout(60):
        monkeypatch.setattr(site, "_handler", handle)
        async with connect("127.0.0.1", site.port) as first, connect("127.0.0.1", site.port) as second:
            opened = []
            for client in (first, second):
                await client.send(compose("POST", "/", [("Content-Length", "1")], body=b"x"))
                opened.append(await sockets.get())
            assert held_at_most(opened[0]) > held_at_most(opened[1]) == SMALL_BUFFER_BYTES
            assert [is_set(each) for each in opened] == [False, True]
            may_answer.set()
            for client in (first, second):
                assert (await client.read_response()).status == 200
            assert not is_set(opened[1])
            assert site.held.bodies_under_way == 0


async def test_a_refused_request_no_longer_counts_while_its_body_is_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(_request: web.BaseRequest) -> web.Response:
        response = web.Response(status=401)
        response.force_close()
        return response

    async with running_site(tmp_path) as site, asyncio.timeout(60):
        monkeypatch.setattr(site, "_handler", refuse)
        async with connect("127.0.0.1", site.port) as client:
            await client.send(compose("POST", "/", [("Content-Length", "2")], body=b"x"))
            assert (await client.read_response()).status == 401
            assert site.held.bodies_under_way == 0


def test_a_client_that_disconnects_during_one_of_many_bodies_ends_its_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """uvloop's lost transport has a socket without a descriptor, whose options cannot be set (ValueError)."""
    monkeypatch.setattr(request_feed, "MANY_BODIES", 0)

    async def disconnect() -> None:
        has_begun, has_ended = asyncio.Event(), asyncio.Event()

        async def handle(request: web.BaseRequest) -> web.Response:
            has_begun.set()
            try:
                await request.read()
            finally:
                has_ended.set()
            return web.Response()

        async with running_site(tmp_path) as site, asyncio.timeout(60):
            monkeypatch.setattr(site, "_handler", handle)
            async with connect("127.0.0.1", site.port) as client:
                await client.send(compose("POST", "/", [("Content-Length", "2")], body=b"x"))
                await has_begun.wait()
            await has_ended.wait()
            await site.until_no_connection()
            assert site.held.bodies_under_way == 0

    uvloop.run(disconnect())
