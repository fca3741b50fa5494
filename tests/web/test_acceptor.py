"""The gateway serves without the fast path where aiohttp lacks a private name, and uses no private name that is not listed."""

import ast
import asyncio
import inspect
import socket
from contextlib import closing
from functools import partial
from types import ModuleType
from typing import Any, cast

import pytest
from aiohttp import web

from gateway.web import acceptor
from gateway.web.acceptor import Acceptor, BareAcceptor, BareConnection, usable
from gateway.web.connections import client_connection, request_receiver
from gateway.web.connections.client_connection import PRIVATE_NAMES, missing_private_names
from gateway.web.connections.connection_context import ConnectionContext, HeldBytes
from gateway.web.connections.connection_limit import ConnectionLimit
from gateway.web.connections.request_heads import BadHead
from gateway.web.connections.slow_clients import Lingerers
from gateway.web.connections.unread_responses import UnreadResponses
from gateway.web.fast_path import fast_connection, lazy_connection
from tests.conformance.raw_http import compose, connect


def test_this_aiohttp_has_every_private_name() -> None:
    assert missing_private_names() == []
    plain = Acceptor()
    assert usable(plain) is plain


@pytest.mark.parametrize("module", [request_receiver, client_connection, fast_connection, lazy_connection])
def test_every_private_name_of_aiohttp_that_is_used_is_listed(module: ModuleType) -> None:
    connections = [
        each
        for _, each in inspect.getmembers(module, inspect.isclass)
        if issubclass(each, web.RequestHandler) and each.__module__ == module.__name__
    ]
    for each in connections:
        tree = ast.parse(inspect.getsource(each))
        used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr.startswith("_")}
        assert used & set(dir(web.RequestHandler)) - {"__init__"} <= set(PRIVATE_NAMES)


async def test_without_a_private_name_the_plain_handler_serves(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(client_connection, "PRIVATE_NAMES", ("_waiter", "_renamed"))
    fallback = usable(Acceptor())
    assert isinstance(fallback, BareAcceptor)
    assert [record.__dict__["missing"] for record in caplog.records if record.name == acceptor.__name__] == [
        ["_renamed"]
    ]

    async def answer(_request: web.BaseRequest) -> web.Response:
        return web.Response(text="served")

    broken: list[int] = []

    def refuse(connection: web.RequestHandler, head: bytes, fault: BadHead) -> web.StreamResponse:
        assert (connection.__class__, head) == (BareConnection, b"")
        broken.append(fault.status)
        return web.Response(text=fault.message, status=fault.status)

    server = web.Server(cast("Any", answer))
    opened = socket.create_server(("127.0.0.1", 0))
    listener = await asyncio.get_running_loop().create_server(
        partial(
            fallback.connect,
            server,
            ConnectionContext(5, 5, refuse, Lingerers(), HeldBytes(), UnreadResponses(), ConnectionLimit(9)),
        ),
        sock=opened,
    )
    with closing(listener):
        async with connect("127.0.0.1", opened.getsockname()[1]) as client:
            await client.send(compose("GET", "/"))
            assert (await client.read_response()).body == b"served"
        for head in (
            compose("GET", "/", [("X", "a" * 8200)]),
            compose("GET", "/", [("X", "a")] * 64),
            b"GET / HTTP/1.1\r\nHost: x\r\nA: \0\r\n\r\n",
        ):
            async with connect("127.0.0.1", opened.getsockname()[1]) as client:
                await client.send(head)
                assert (await client.read_response()).status == 400
        assert broken == [400] * 3
        await server.shutdown(1)
