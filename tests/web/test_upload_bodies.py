"""How upload bodies are read."""

import asyncio
from contextlib import aclosing
from typing import Final

from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway.web.receiving.upload_bodies import ReceiveLimits, read

BODY: Final = bytes(4 * 1024 * 1024)


async def test_nothing_is_read_from_the_socket_while_a_piece_is_written() -> None:
    received: list[tuple[int, int]] = []

    async def take(request: web.Request) -> web.Response:
        arrived = 0
        async with aclosing(read(request, ReceiveLimits(60, 0))) as pieces:
            async for piece in pieces:
                arrived += len(piece)
                for _ in range(50):  # turns of the loop in which the socket has bytes
                    await asyncio.sleep(0)
                received.append((arrived, request.content.total_bytes))
        return web.Response(text=str(arrived))

    app = web.Application()
    app.router.add_put("/", take)
    async with TestServer(app) as server:
        reader, writer = await asyncio.open_connection(server.host, server.port)
        writer.write(b"PUT / HTTP/1.0\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY)
        async with asyncio.timeout(60):
            response = await reader.read()
        writer.close()
    assert response.endswith(b"\r\n\r\n%d" % len(BODY))
    assert all(arrived == total for arrived, total in received)
