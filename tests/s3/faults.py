"""A proxy between the adapter and a real server that breaks ranged GETs as scheduled.

Each ranged GET takes the next fault of the schedule; when there is none, and for every other request,
the proxy only passes on. A signature survives, because it covers the Host that the client sent.
"""

import asyncio
import socket
import ssl
import struct
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from tests.s3.processes import S3Server

BLOCK: Final = 64 * 1024
LINGER_ZERO: Final = struct.pack("ii", 1, 0)
"""Closing a socket with this sends RST."""

Ending = Literal["reset", "close", "stall", "pause"]
Edit = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Fault:
    """What happens to one ranged GET: bytes replaced in either head, a response instead, a cut body.

    `cut_after` counts bytes of the response's body; -1 cuts before the head. A paused body goes on after `resume`.
    """

    request_edits: tuple[Edit, ...] = ()
    answer_edits: tuple[Edit, ...] = ()
    instead: bytes | None = None
    cut_after: int | None = None
    ending: Ending = "reset"


PASS: Final = Fault()


def cut(after: int, ending: Ending) -> Fault:
    """Let this much of the body through, then end it like this; -1 is before the head."""
    return Fault(cut_after=after, ending=ending)


def answer(status: int, code: str) -> Fault:
    """A response of S3's own in place of the bytes."""
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code></Error>".encode()
    head = f"HTTP/1.1 {status} {code}\r\nContent-Type: application/xml\r\nContent-Length: {len(body)}\r\n\r\n"
    return Fault(instead=head.encode() + body)


def forgetting(header: bytes) -> Fault:
    """The server never sees this header of the request."""
    return Fault(request_edits=((header + b":", b"X-Forgotten:"),))


def answering(old: bytes, new: bytes) -> Fault:
    """The head of the response with one text replaced by another."""
    return Fault(answer_edits=((old, new),))


@dataclass
class FaultProxy:
    """`schedule` is what is still to break; `ranges` and `conditions` are what was asked; `sent` counts body bytes."""

    server: S3Server
    upstream_port: int
    schedule: deque[Fault] = field(default_factory=deque)
    ranges: list[str] = field(default_factory=list)
    conditions: list[str] = field(default_factory=list)
    last_head: bytes = b""
    resume: asyncio.Event = field(default_factory=asyncio.Event)
    connections: set[asyncio.StreamWriter] = field(default_factory=set)
    stale: set[asyncio.StreamWriter] = field(default_factory=set)
    accepted: int = 0
    answered: int = 0
    sent: int = 0
    tls: ssl.SSLContext | None = None
    listener: asyncio.Server | None = None

    def break_next(self, *faults: Fault) -> None:
        """Forget what was counted, and break the coming ranged GETs like this."""
        self.schedule = deque(faults)
        self.ranges.clear()
        self.conditions.clear()
        self.sent = 0

    def forget_connections(self) -> None:
        """Reset every connection of now, but not before something is asked over it, as a router does that forgot it."""
        self.stale |= self.connections

    async def start(self) -> None:
        """Listen, on a port of the kernel's choice."""
        self.listener = await asyncio.start_server(self.serve, "127.0.0.1", 0, ssl=self.tls)
        scheme = "https" if self.tls else "http"
        url = f"{scheme}://127.0.0.1:{self.listener.sockets[0].getsockname()[1]}"
        self.server = replace(self.server, name=f"{self.server.name} behind a proxy", endpoint_url=url)

    async def stop(self) -> None:
        """Listen no more, and drop every connection."""
        if self.listener is not None:
            self.listener.close()
            for writer in self.connections:
                writer.transport.abort()
            await self.listener.wait_closed()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client's connection, request after request."""
        self.accepted += 1
        self.connections.add(writer)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                while await self._exchange(reader, writer):
                    pass
        finally:
            self.connections.discard(writer)
            self.stale.discard(writer)
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """One request and its response; True if the connection can take another."""
        head = await reader.readuntil(b"\r\n\r\n")
        if writer in self.stale:
            return self._reset(writer)
        self.last_head = head
        self.answered += 1
        if header(head, "expect"):
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = await reader.readexactly(int(header(head, "content-length") or 0))
        fault = self._fault(head)
        if fault.cut_after == -1:
            return await self._end(reader, writer, fault)
        if fault.instead is not None:
            writer.write(fault.instead)
            return True
        asked = edited(head, (*fault.request_edits, *ONE_REQUEST))
        there, back = await asyncio.open_connection("127.0.0.1", self.upstream_port)
        try:
            back.write(asked + body)
            return await self._relay(there, reader, writer, fault)
        finally:
            back.close()

    def _fault(self, head: bytes) -> Fault:
        asked_range = header(head, "range")
        if not head.startswith(b"GET ") or not asked_range:
            return PASS
        self.ranges.append(asked_range)
        self.conditions.append(header(head, "if-match"))
        return self.schedule.popleft() if self.schedule else PASS

    async def _relay(
        self, there: asyncio.StreamReader, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, fault: Fault
    ) -> bool:
        head = await there.readuntil(b"\r\n\r\n")
        writer.write(edited(head, (*fault.answer_edits, (b"\r\nConnection: close", b""))))
        left = fault.cut_after
        while block := await there.read(BLOCK if left is None else min(left, BLOCK)):
            writer.write(block)
            await writer.drain()
            self.sent += len(block)
            left = None if left is None else left - len(block)
        if left == 0 and fault.ending == "pause":
            await self.resume.wait()
            writer.write(await there.read())
        elif left == 0:
            return await self._end(reader, writer, fault)
        return header(head, "content-length") != ""

    async def _end(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, fault: Fault) -> bool:
        await writer.drain()
        if fault.ending == "stall":
            await reader.read()  # until the client gives up
        return self._reset(writer) if fault.ending == "reset" else False

    @staticmethod
    def _reset(writer: asyncio.StreamWriter) -> bool:
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
        writer.transport.abort()
        return False


ONE_REQUEST: Final[tuple[Edit, ...]] = (
    (b"\r\nExpect: 100-continue", b""),
    (b"\r\nConnection: keep-alive", b""),
    (b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"),
)
"""To the server every request is the only one of its connection, followed by its body."""


def header(head: bytes, name: str) -> str:
    """The value of a header, empty if there is none."""
    for line in head.decode("latin-1").split("\r\n")[1:]:
        found, _, value = line.partition(":")
        if found.lower() == name:
            return value.strip()
    return ""


def edited(head: bytes, edits: tuple[Edit, ...]) -> bytes:
    for old, new in edits:
        head = head.replace(old, new)
    return head


@asynccontextmanager
async def fault_proxy(server: S3Server, tls: ssl.SSLContext | None = None) -> AsyncGenerator[FaultProxy, None]:
    """A proxy before this server, until the block ends."""
    proxy = FaultProxy(server, server.port, tls=tls)
    await proxy.start()
    try:
        yield proxy
    finally:
        await proxy.stop()
