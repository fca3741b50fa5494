"""A stand-in for S3 on a raw socket, for what no installed server does: it answers every request head as the test wants."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any, Final

from storage_adapters.base import ObjectStat
from storage_adapters.s3 import S3Storage, connect

HOST: Final = "127.0.0.1"
CONTENT: Final = bytes(range(256)) * 40
STAT: Final = ObjectStat(len(CONTENT), "abc", datetime(2026, 1, 1, tzinfo=UTC))

Answer = Callable[[str], bytes]


class Stub:
    """`answer` makes the response to a request head; `heads` are the heads that came, `accepted` counts connections.

    It answers while the event `answers` is set.
    """

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.heads: list[str] = []
        self.accepted = 0
        self.port = 0
        self.answers = asyncio.Event()
        self.answers.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, request after request."""
        self.accepted += 1
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                self.heads.append(head)
                await self.answers.wait()
                writer.write(self.answer(head))
        writer.close()


@asynccontextmanager
async def running_stub(answer: Answer) -> AsyncGenerator[Stub, None]:
    """A stub on a port of the kernel's choice, until the block ends."""
    stub = Stub(answer)
    server = await asyncio.start_server(stub.serve, HOST, 0)
    stub.port = server.sockets[0].getsockname()[1]
    try:
        yield stub
    finally:
        server.close()


@asynccontextmanager
async def stub_storage(stub: Stub, host: str = HOST, **more: Any) -> AsyncGenerator[S3Storage, None]:
    """An adapter over the stub."""
    options = {
        "bucket": "bucket",
        "endpoint_url": f"http://{host}:{stub.port}",
        "addressing_style": "path",
        "region": "us-east-1",
        "access_key_id": "id",
        "secret_access_key": "secret",
        "verify_tls": False,
        "retries": 0,
        **more,
    }
    storage = await connect(**options)
    try:
        yield storage
        assert (storage.connections.free, storage.memory.free) == (storage.connections.total, storage.memory.total)
    finally:
        await storage.close()


def span_of(head: str) -> tuple[int, int]:
    """The offsets of the first byte and of the one after the last that were asked for."""
    (asked,) = (line for line in head.split("\r\n") if line.startswith("Range: bytes="))
    first, _, last = asked.removeprefix("Range: bytes=").partition("-")
    return int(first), int(last) + 1


def response(status: str, body: bytes = b"", *fields: str, chunked: bool = False) -> bytes:
    """A response; its body in one piece, or in chunks of at most a thousand bytes."""
    framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(body)}"
    head = "\r\n".join((f"HTTP/1.1 {status}", framing, *fields)).encode() + b"\r\n\r\n"
    return head + (in_chunks(body) if chunked else body)


def in_chunks(body: bytes) -> bytes:
    """A chunked body, with an extension and a trailer (RFC 9112 section 7.1)."""
    pieces = [body[start : start + 1000] for start in range(0, len(body), 1000)]
    return b"".join(b"%x;a=b\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\nA: b\r\n\r\n"


def exact(head: str, *, chunked: bool = False) -> bytes:
    """The bytes that were asked for."""
    first, end = span_of(head)
    fields = (f"Content-Range: bytes {first}-{end - 1}/{len(CONTENT)}", f'ETag: "{STAT.etag}"')
    return response("206 Partial Content", CONTENT[first:end], *fields, chunked=chunked)


def error(status: str, code: str, *fields: str, more: str = "", chunked: bool = False) -> bytes:
    """An error of S3's."""
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code>{more}</Error>".encode()
    return response(status, body, "Content-Type: application/xml", *fields, chunked=chunked)
