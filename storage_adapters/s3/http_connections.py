"""One connection to S3: it sends one request at a time, and stays open for the next one as long as S3 allows.

It is free as soon as a response is complete, however slow its reader is. A general-purpose HTTP client costs three
times the CPU: it also handles cookies, redirects, tracing and decompression, and adds its own streams.
"""

import asyncio
from typing import NamedTuple, Protocol, cast

from storage_adapters.s3.error_codes import Interrupted, StaleConnection
from storage_adapters.s3.http_heads import MalformedResponse
from storage_adapters.s3.http_responses import Response, ResponseSource


class Origin(NamedTuple):
    """The host and port to connect to."""

    host: str
    port: int
    is_tls: bool


class ConnectionOwner(Protocol):
    """The pool that a connection belongs to."""

    def take_back(self, connection: "Connection", *, is_usable: bool) -> None:
        """The response has ended; the connection can carry another request if it `is_usable`."""

    def forget(self, connection: "Connection") -> None:
        """The connection is closed."""

    def count(self, received: int) -> None:
        """This many bytes have arrived."""


class Connection(asyncio.Protocol, ResponseSource):
    """One connection. Bytes that arrive while no request is outstanding close it (RFC 9112 section 9.2)."""

    def __init__(self, owner: ConnectionOwner, origin: Origin) -> None:
        self.origin = origin
        self._owner = owner
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport  # from `connection_made` on, which comes before anything else
        self._response: Response | None = None
        self._was_used = False
        self._heard_at = self._loop.time()

    def is_open(self) -> bool:
        """Whether a request can be sent."""
        return not self._transport.is_closing()

    def ask(self, request: bytes, *, limit: int) -> Response:
        """Send this request. Reading from S3 pauses while more than `limit` bytes of the body wait to be read."""
        response = self._response = Response(self, limit)
        self._heard_at = self._loop.time()
        self._transport.write(request)
        return response

    def check(self, *, idle_seconds: float, silent_seconds: float) -> None:
        """Close the connection if it has been idle, or silent inside a response, for at least this long."""
        response, seconds = self._response, self._loop.time() - self._heard_at
        if response is None:
            if seconds >= idle_seconds:
                self.abort("it was idle")
        elif seconds >= silent_seconds and not response.is_full:
            self.abort(f"S3 was silent for {silent_seconds} s")

    def abort(self, reason: str) -> None:
        """Close the connection immediately; a response in progress is interrupted with this reason."""
        self._transport.abort()
        self._end(Interrupted(reason, retry_now=True))

    def resume(self) -> None:
        self._heard_at = self._loop.time()
        if self.is_open():
            self._transport.resume_reading()

    def abandon(self, response: Response) -> None:
        if response is self._response:
            self.abort("its reader stopped")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        response = self._response
        if response is None:
            self._transport.abort()
            return
        self._heard_at = self._loop.time()
        self._owner.count(len(data))
        was_full = response.is_full
        try:
            surplus = response.feed(data)
        except MalformedResponse as error:
            self.abort(str(error))
            return
        if response.is_full != was_full:
            (self._transport.pause_reading if response.is_full else self._transport.resume_reading)()
        if response.is_complete:
            self._free(is_usable=not surplus and response.is_persistent)

    def connection_lost(self, exc: Exception | None) -> None:
        is_stale = self._was_used and self._response is not None and not self._response.has_begun
        kind = StaleConnection if is_stale else Interrupted
        self._end(kind(f"the connection ended: {exc or 'closed by S3'}", retry_now=True))
        self._owner.forget(self)

    def _end(self, failure: Interrupted) -> None:
        response = self._response
        if response is not None:
            response.end(failure)
            self._free(is_usable=False)

    def _free(self, *, is_usable: bool) -> None:
        self._response = None
        self._was_used = True
        if not is_usable:
            self._transport.abort()
        self._owner.take_back(self, is_usable=is_usable)
