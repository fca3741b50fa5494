"""A strict HTTP/1.1 client over one raw TCP connection.

It sends exactly the octets that it is given. In responses it accepts no deviation from RFC 9112: no bare LF, no folded or
repeated fields, no bytes after a body, no body that ends early. Every wait is bounded.
"""

import asyncio
import re
import socket
import struct
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

Fields = Iterable[tuple[str, str | bytes]]

PATIENCE_SECONDS: Final = 60.0
STREAM_LIMIT_BYTES: Final = 256 * 1024

# RFC 9112 section 4: status-line = HTTP-version SP status-code SP [ reason-phrase ]
STATUS_LINE: Final = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9]{2}) ([\t \x21-\x7e]*)\r\n")
# RFC 9112 section 5: field-line = field-name ":" OWS field-value OWS; no white space before the colon, no folding.
FIELD_LINE: Final = re.compile(
    rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\x21-\xff](?:[\t \x21-\xff]*[\x21-\xff])?|)[ \t]*\r\n"
)
# RFC 9110 section 8.6: Content-Length = 1*DIGIT
CONTENT_LENGTH: Final = re.compile(r"[0-9]+")

BODILESS_STATUSES: Final = frozenset({204, 304})
RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)


class ProtocolFaultError(Exception):
    """The server sent something that RFC 9112 does not allow."""


class TruncatedError(ProtocolFaultError):
    """The connection ended early: `received` of `promised` bytes arrived."""

    def __init__(self, received: int, promised: int) -> None:
        super().__init__(f"{received} of {promised} promised bytes arrived")
        self.received = received
        self.promised = promised


@dataclass(frozen=True, slots=True)
class Head:
    """A response head as it was on the wire; field names keep their case and their repetitions."""

    minor_version: int
    status: int
    reason: str
    fields: tuple[tuple[str, str], ...]

    def all(self, name: str) -> tuple[str, ...]:
        """Every value of the field, in order."""
        return tuple(value for key, value in self.fields if key.lower() == name.lower())

    def get(self, name: str) -> str | None:
        """The only value of the field, None if it is absent. A second line of it is a fault."""
        values = self.all(name)
        if len(values) > 1:
            raise ProtocolFaultError(f"{name} was sent {len(values)} times: {values}")
        return values[0] if values else None

    def __getitem__(self, name: str) -> str:
        value = self.get(name)
        if value is None:
            raise ProtocolFaultError(f"no {name} in the {self.status} head {self.fields}")
        return value

    def promised_bytes(self, method: str) -> int:
        """The length of the body (RFC 9112 section 6.3). Chunked and close-delimited bodies are faults here."""
        if method == "HEAD" or self.status < 200 or self.status in BODILESS_STATUSES:
            return 0
        if self.all("Transfer-Encoding"):
            raise ProtocolFaultError("Transfer-Encoding, although the gateway knows every length")
        length = self["Content-Length"]
        if not CONTENT_LENGTH.fullmatch(length):
            raise ProtocolFaultError(f"Content-Length is {length!r}")
        return int(length)


@dataclass(frozen=True, slots=True)
class Response:
    """A whole response: its head and exactly the promised body."""

    head: Head
    body: bytes

    @property
    def status(self) -> int:
        return self.head.status


def compose(
    method: str,
    target: str,
    fields: Fields = (),
    *,
    host: str = "gateway",
    version: str = "HTTP/1.1",
    body: bytes = b"",
) -> bytes:
    """The octets of a request. Text is sent as Latin-1, bytes as they are; only Host is added."""
    lines = [f"{method} {target} {version}".encode("latin-1"), b"Host: " + host.encode("ascii")]
    lines += [name.encode("ascii") + b": " + _octets(value) for name, value in fields]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def _octets(value: str | bytes) -> bytes:
    return value if isinstance(value, bytes) else value.encode("latin-1")


class Connection:
    """One TCP connection to the gateway."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def send(self, octets: bytes) -> None:
        """Send these octets in one go."""
        self._writer.write(octets)
        await self._writer.drain()

    async def send_bytewise(self, octets: bytes) -> None:
        """Send these octets one at a time, each in its own segment."""
        for value in octets:
            self._writer.write(bytes((value,)))
            await asyncio.sleep(0)  # one turn of the loop, so that the kernel sees every byte alone

    async def read_head(self) -> Head:
        """Read one response head, strictly."""
        status_line = await self._read_line()
        match = STATUS_LINE.fullmatch(status_line)
        if match is None:
            raise ProtocolFaultError(f"not a status line: {status_line[:200]!r}")
        return Head(int(match[1]), int(match[2]), match[3].decode("ascii"), tuple(await self._read_fields()))

    async def read_exactly(self, count: int) -> bytes:
        """Read `count` bytes of a body. Raises TruncatedError if the connection ends or breaks before."""
        received = bytearray()
        while len(received) < count:
            chunk = await self.read_some(min(count - len(received), STREAM_LIMIT_BYTES))
            if not chunk:
                raise TruncatedError(len(received), count)
            received += chunk
        return bytes(received)

    async def read_some(self, limit: int) -> bytes:
        """Read at most `limit` bytes; none if the connection has ended, by a close or a reset."""
        with suppress(ConnectionError):
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await self._reader.read(limit)
        return b""

    async def read_response(self, method: str = "GET") -> Response:
        """Read one final response to a `method` request, skipping interim (1xx) responses."""
        head = await self.read_head()
        while head.status < 200:
            head = await self.read_head()
        return Response(head, await self.read_exactly(head.promised_bytes(method)))

    async def expect_end(self) -> None:
        """Check that the server sends nothing more and closes."""
        extra = await self.read_some(STREAM_LIMIT_BYTES)
        if extra:
            raise ProtocolFaultError(f"{len(extra)} bytes after the last response: {extra[:200]!r}")

    def end(self) -> None:
        """Send nothing more, and go on reading."""
        with suppress(OSError):
            self._writer.write_eof()

    def reset(self) -> None:
        """Abort the connection with RST, even if bytes are unread."""
        handle: socket.socket = self._writer.get_extra_info("socket")
        handle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self._writer.transport.abort()

    async def _read_line(self) -> bytes:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await self._reader.readuntil(b"\r\n")
        except asyncio.IncompleteReadError as error:
            raise ProtocolFaultError(f"the connection ended inside a head, after {error.partial!r}") from error

    async def _read_fields(self) -> list[tuple[str, str]]:
        fields = []
        while (line := await self._read_line()) != b"\r\n":
            match = FIELD_LINE.fullmatch(line)
            if match is None:
                raise ProtocolFaultError(f"not a field line: {line[:200]!r}")
            fields.append((match[1].decode("ascii"), match[2].decode("latin-1")))
        return fields


@asynccontextmanager
async def connect(host: str, port: int, *, receive_bytes: int | None = None) -> AsyncGenerator[Connection, None]:
    """Open a connection, which is closed at the end of the block in any case.

    `receive_bytes` is the size of the kernel's receive buffer (which doubles it); with None it grows up to some MiB.
    """
    opened = socket.socket()
    opened.settimeout(0)
    # A request that is sent during a response arrives immediately, as from other clients.
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if receive_bytes is not None:
        # Before connecting, since the window is agreed on then.
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    try:
        await asyncio.get_running_loop().sock_connect(opened, (host, port))
        reader, writer = await asyncio.open_connection(sock=opened, limit=STREAM_LIMIT_BYTES)
    except OSError:
        opened.close()
        raise
    try:
        yield Connection(reader, writer)
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
