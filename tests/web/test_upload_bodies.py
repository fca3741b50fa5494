"""How upload bodies are read."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import Final

from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway.web.connections.connection_context import MAX_UNREAD_BODY_BYTES
from gateway.web.receiving.forms import read_fields, read_file
from gateway.web.receiving.json_bodies import JsonBodies
from gateway.web.receiving.upload_bodies import Pace, ReceiveLimits, read

BODY: Final = bytes(4 * 1024 * 1024)
LIMITS: Final = ReceiveLimits(60, 0)
TURNS: Final = 50
"""Turns of the loop in which the socket has bytes."""
FORM: Final = b'--B\r\nContent-Disposition: form-data; name="file"\r\n\r\n' + BODY + b"\r\n--B--\r\n"


async def test_nothing_is_read_from_the_socket_while_a_piece_is_written() -> None:
    received: list[tuple[int, int]] = []

    async def take(request: web.Request) -> web.Response:
        arrived = 0
        async with aclosing(read(request, LIMITS)) as pieces:
            async for piece in pieces:
                arrived += len(piece)
                for _ in range(TURNS):
                    await asyncio.sleep(0)
                received.append((arrived, request.content.total_bytes))
        return web.Response(text=str(arrived))

    assert (await response_to(take, BODY)).endswith(b"\r\n\r\n%d" % len(BODY))
    assert all(arrived == total for arrived, total in received)


async def test_little_of_a_form_is_read_ahead_of_the_caller() -> None:
    ahead: list[int] = []

    async def take(request: web.Request) -> web.Response:
        arrived, pace = 0, Pace(LIMITS)
        _, file = await read_fields(request, pace, frozenset(), JsonBodies())
        async with aclosing(read_file(file, pace)) as pieces:
            async for piece in pieces:
                arrived += len(piece)
                for _ in range(TURNS):
                    await asyncio.sleep(0)
                ahead.append(request.content.total_bytes - arrived)
        return web.Response(text=str(arrived))

    assert (await response_to(take, FORM)).endswith(b"\r\n\r\n%d" % len(BODY))
    # Twice a chunk, the chunk that aiohttp searches for the boundary, and a read of the socket (256 KiB in asyncio).
    assert max(ahead) <= 448 * 1024


async def response_to(handler: Callable[[web.Request], Awaitable[web.StreamResponse]], body: bytes) -> bytes:
    """What a server with this handler responds to the body."""
    app = web.Application()
    app.router.add_put("/", handler)
    server = TestServer(app)
    await server.start_server(read_bufsize=MAX_UNREAD_BODY_BYTES // 2)
    async with server:
        reader, writer = await asyncio.open_connection(server.host, server.port)
        fields = b"Content-Type: multipart/form-data; boundary=B\r\nContent-Length: %d\r\n\r\n" % len(body)
        writer.write(b"PUT / HTTP/1.0\r\n" + fields + body)
        async with asyncio.timeout(60):
            response = await reader.read()
        writer.close()
    return response
