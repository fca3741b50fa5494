"""Buffers the response to one request between its connection and its reader (RFC 9112 section 6).

The body waits in memory in the pieces in which it arrived: nothing is joined or copied.
"""

import asyncio
from collections import deque
from contextlib import suppress
from typing import Final, Protocol

from storage_adapters.s3.error_codes import Interrupted
from storage_adapters.s3.http_heads import ChunkedBody, Head, MalformedResponse, parse_head

HEAD_LIMIT_BYTES: Final = 64 * 1024
END_OF_HEAD: Final = b"\r\n\r\n"
DRAIN_LIMIT_BYTES: Final = 64 * 1024
DRAIN_SECONDS: Final = 0.1
"""When a reader stops, wait this long for the rest of a body if at most DRAIN_LIMIT_BYTES of it are missing: a new
connection costs more."""


class ResponseSource(Protocol):
    """The connection of a response: feeds it, and pauses while it is full."""

    def resume(self) -> None:
        """The response is no longer full."""

    def abandon(self, response: "Response") -> None:
        """The reader of the response has stopped."""


class Response:
    """One response. It `is_full` while more than `limit` bytes wait to be read and its body is not complete."""

    def __init__(self, source: ResponseSource, limit: int) -> None:
        self.head: Head | None = None
        self.missing: int | None = None
        """The number of bytes of the body still to arrive; None if unknown."""
        self.is_complete = False
        self.is_full = False
        self.skip = 0
        """The number of bytes to drop at the beginning of the body."""
        self._chunked: ChunkedBody | None = None
        self._source = source
        self._limit = limit
        self._unparsed = b""
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._failure: Interrupted | None = None
        self._reader: asyncio.Future[None] | None = None

    @property
    def has_begun(self) -> bool:
        """Whether any byte of it has arrived."""
        return self.head is not None or self._unparsed != b""

    @property
    def is_persistent(self) -> bool:
        """Whether it is complete and its connection can carry another request."""
        return self.is_complete and self.head is not None and self.head.is_persistent

    async def begun(self) -> Head:
        """Wait for the head. Raises Interrupted if none arrives."""
        while self.head is None:
            await self._arrival()
        return self.head

    async def read(self) -> bytes:
        """The next bytes of the body after `skip`; empty at its end. Raises Interrupted if it breaks off before."""
        while True:
            while not self._waiting:
                if self.is_complete:
                    return b""
                await self._arrival()
            chunk = self._waiting.popleft()
            self._waiting_bytes -= len(chunk)
            if self.is_full and self._waiting_bytes <= self._limit:
                self.is_full = False
                self._source.resume()
            if not self.skip:
                return chunk
            chunk, self.skip = chunk[self.skip :], max(0, self.skip - len(chunk))
            if chunk:
                return chunk

    async def leave(self) -> None:
        """Give up the connection: the pool gets it back if the rest arrives in a moment; otherwise it is closed."""
        if self.is_complete:
            return
        try:
            if self._chunked is not None or (self.missing is not None and self.missing <= DRAIN_LIMIT_BYTES):
                with suppress(Interrupted, TimeoutError):
                    async with asyncio.timeout(DRAIN_SECONDS):
                        while not self.is_complete:
                            await self._arrival()
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Close the connection; no effect once the response is complete."""
        self._source.abandon(self)

    def feed(self, octets: bytes) -> int:
        """Add arrived octets; return how many of them follow the response's end. Raises MalformedResponse."""
        surplus = 0
        if self.head is None:
            octets = self._feed_head(octets)
        if self.head is not None:
            surplus = self._feed_body(octets)
        self._wake()
        return surplus

    def end(self, failure: Interrupted) -> None:
        """Record that the connection ended: this completes a body without a length, and interrupts any other."""
        if self.head is not None and self.missing is None and self._chunked is None:
            self.is_complete = True
        elif not self.is_complete:
            self._failure = failure
        self._wake()

    def _feed_head(self, octets: bytes) -> bytes:
        """Parse the head as soon as it is complete; return the octets after it."""
        self._unparsed += octets
        while (end := self._unparsed.find(END_OF_HEAD)) >= 0:
            head, rest = parse_head(self._unparsed[: end + 2]), self._unparsed[end + len(END_OF_HEAD) :]
            if not head.is_interim:
                self._chunked = ChunkedBody() if head.is_chunked else None
                self.head, self.missing, self._unparsed = head, head.body_bytes, b""
                return rest
            self._unparsed = rest
        if len(self._unparsed) > HEAD_LIMIT_BYTES:
            raise MalformedResponse(f"a head of more than {HEAD_LIMIT_BYTES} bytes")
        return b""

    def _feed_body(self, octets: bytes) -> int:
        if self._chunked is not None:
            chunks, rest = self._chunked.feed(octets)
            self.is_complete = self._chunked.is_complete
            for chunk in chunks:
                self._keep(chunk)
            return len(rest)
        surplus = 0
        if self.missing is not None:
            surplus = max(0, len(octets) - self.missing)
            octets = octets[: self.missing] if surplus else octets
            self.missing -= len(octets)
            self.is_complete = self.missing == 0
        if octets:
            self._keep(octets)
        return surplus

    def _keep(self, octets: bytes) -> None:
        self._waiting.append(octets)
        self._waiting_bytes += len(octets)
        self.is_full = self._waiting_bytes > self._limit and not self.is_complete

    async def _arrival(self) -> None:
        """Wait until more has arrived or the response has ended. Raises Interrupted."""
        if self._failure is not None:
            raise self._failure
        self._reader = asyncio.get_running_loop().create_future()
        try:
            await self._reader
        finally:
            self._reader = None

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)
