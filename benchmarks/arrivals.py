"""The queue of requests of an open loop, and the connections that send them.

A connection parses just enough of HTTP/1.1 to check the status and the length of each response. `open_loop` decides when
requests arrive.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, cast

from benchmarks.wrk import Load

_BUFFER_BYTES: Final = 256 * 1024
_END_OF_HEAD: Final = b"\r\n\r\n"
_MAX_HEAD_BYTES: Final = 16 * 1024


@dataclass(slots=True)
class Arrivals:
    """The due times of waiting requests by the `clock`, the free connections, and the latencies so far (s).

    `over` is set when `total` requests were answered with bodies of `expected` bytes, or when one failed.
    """

    requests: Sequence[bytes]
    expected: int
    total: int
    clock: Callable[[], float]
    over: asyncio.Event = field(default_factory=asyncio.Event)
    latencies: list[float] = field(default_factory=list)
    waiting: deque[float] = field(default_factory=deque)
    free: list["Connection"] = field(default_factory=list)
    trouble: str = ""
    sent: int = 0

    def arrive(self, due: float) -> None:
        """Send a request that was due at this time, or queue it until a connection is free."""
        self.waiting.append(due)
        if self.free:
            self.send_next(self.free.pop())

    def send_next(self, connection: "Connection") -> None:
        """Send the oldest waiting request on this connection, or mark the connection as free."""
        if not self.waiting:
            self.free.append(connection)
            return
        connection.send(self.requests[self.sent % len(self.requests)], self.waiting.popleft())
        self.sent += 1

    def finish(self, seconds: float) -> None:
        """Record that a request was answered, this long after it was due."""
        self.latencies.append(seconds)
        if len(self.latencies) == self.total:
            self.over.set()

    def fail(self, trouble: str) -> None:
        """End the measurement: its values are invalid. The first reason is kept."""
        self.trouble = self.trouble or trouble
        self.over.set()


class Connection(asyncio.BufferedProtocol):
    """One connection with one request at a time; the body of a response is counted and discarded."""

    def __init__(self, arrivals: Arrivals, load: Load) -> None:
        self._arrivals = arrivals
        self._status = b"HTTP/1.1 %d " % load.status
        self._buffer = memoryview(bytearray(_BUFFER_BYTES))
        self._head = b""
        self._left = -1  # bytes of the body still to come; -1 until the head is complete
        self._due = 0.0
        self._abandoned = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.WriteTransport", transport)

    def send(self, request: bytes, due: float) -> None:
        self._due = due
        self._transport.write(request)

    def get_buffer(self, sizehint: int) -> memoryview:  # noqa: ARG002 - the protocol's parameter
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        if self._left < 0:
            nbytes = self._read_head(bytes(self._buffer[:nbytes]))
        self._left -= nbytes if self._left > 0 else 0
        if self._left == 0:
            self._finish()

    def _read_head(self, received: bytes) -> int:
        """Read from the head; return how many bytes of the body were received with it."""
        self._head += received
        head, end, body = self._head.partition(_END_OF_HEAD)
        if not end:
            if len(self._head) > _MAX_HEAD_BYTES:
                self._fail(f"a response head of more than {_MAX_HEAD_BYTES} bytes")
            return 0
        self._head = b""
        self._left = content_length(head)
        if not head.startswith(self._status) or self._left != self._arrivals.expected:
            self._fail(head.decode("latin-1"))
        return len(body)

    def _finish(self) -> None:
        self._left = -1
        self._arrivals.finish(self._arrivals.clock() - self._due)
        self._arrivals.send_next(self)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._abandoned:
            self._fail(f"the connection was closed: {exc}")

    def _fail(self, trouble: str) -> None:
        self._arrivals.fail(trouble)
        self._transport.abort()

    def abandon(self) -> None:
        """Abort the connection; its loss is not a failure of the measurement."""
        self._abandoned = True
        self._transport.abort()


def content_length(head: bytes) -> int:
    """The Content-Length of a response head, or -1 if it has none."""
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            return int(value)
    return -1
