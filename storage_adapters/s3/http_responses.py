"""A response to one request, as it arrives and as it is read (RFC 9112 section 6).

What arrives waits in memory until it is read, in the pieces in which it came: nothing is joined or copied.
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
"""The rest of a body that nobody reads is awaited for that long if it is this short: a new connection costs more."""


class ResponseSource(Protocol):
    """What a response comes from: feeds it, and stops while it is full."""

    def resume(self) -> None:
        """There is room again."""

    def abandon(self, response: "Response") -> None:
        """The response is not read any further."""


class Response:
    """One response; it `is_full` while more than `limit` bytes of its body wait to be read."""

    def __init__(self, source: ResponseSource, limit: int) -> None:
        self.head: Head | None = None
        self.missing: int | None = None
        """How many bytes of the body are still to arrive; None if that is unknown."""
        self.is_complete = False
        self.is_full = False
        self.skip = 0
        """How many bytes at the beginning of the body are not wanted."""
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
        """Whether anything of it has arrived."""
        return self.head is not None or self._unparsed != b""

    @property
    def is_persistent(self) -> bool:
        """Whether another request can follow it on its connection."""
        return self.is_complete and self.head is not None and self.head.is_persistent

    async def begun(self) -> Head:
        """The head. Raises Interrupted if none comes."""
        while self.head is None:
            await self._arrival()
        return self.head

    async def read(self) -> bytes:
        """The next wanted bytes of the body; none at its end. Raises Interrupted if it breaks off before."""
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
        """Give the connection back: to the pool if the rest has arrived or is about to, else closed."""
        try:
            if self._chunked is not None or (self.missing is not None and self.missing <= DRAIN_LIMIT_BYTES):
                with suppress(Interrupted, TimeoutError):
                    async with asyncio.timeout(DRAIN_SECONDS):
                        while not self.is_complete:
                            await self._arrival()
        finally:
            self.abandon()

    def abandon(self) -> None:
        """Take no more of it; without effect once it is complete."""
        self._source.abandon(self)

    def feed(self, octets: bytes) -> int:
        """Take what arrived; how many octets do not belong to it any more. Raises MalformedResponse."""
        surplus = 0
        if self.head is None:
            octets = self._feed_head(octets)
        if self.head is not None:
            surplus = self._feed_body(octets)
        self._wake()
        return surplus

    def end(self, failure: Interrupted) -> None:
        """Nothing more can arrive: that ends a body without a length, and interrupts any other."""
        if self.head is not None and self.missing is None and self._chunked is None:
            self.is_complete = True
        elif not self.is_complete:
            self._failure = failure
        self._wake()

    def _feed_head(self, octets: bytes) -> bytes:
        """Take the head off these octets; what follows it."""
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
        """Return when something more has arrived."""
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
