"""The part of a connection that receives requests: aiohttp's parser gets one at a time, and only within bounds.

The parser gets a complete head within the limits of request_heads.py, then the bytes of its body, and nothing more
until the response is written. What arrives meanwhile waits here unparsed; reading pauses at MAX_HEAD_BYTES, and all
connections together hold at most MAX_HELD_BYTES. `ConnectionContext.refuse` answers a request that cannot be parsed. A body that
its handler did not read is dropped, and only for a short time.
"""

import asyncio

from aiohttp import StreamReader, web

from gateway.web.connections.connection_context import ConnectionContext
from gateway.web.connections.request_feed import RequestFeed
from gateway.web.connections.request_heads import HEAD_END, MAX_HEAD_BYTES, SHOWN_BYTES, UNPARSABLE, BadHead, take_head
from gateway.web.connections.slow_clients import drop_body


class RequestReceiver(RequestFeed):
    """Receives the requests of one connection."""

    __slots__ = (
        "_counted",
        "_dropped",
        "_fault",
        "_held",
        "_is_lingering",
        "_is_under_way",
        "_searched",
        "is_half_closed",
    )

    def __init__(self, server: web.Server, context: ConnectionContext) -> None:
        super().__init__(server, context)
        self._held = bytearray()
        # This many bytes of what is held are known not to contain the end of a head.
        self._searched = 0
        self._counted = 0
        self._is_under_way = False
        self._is_lingering = False
        self.is_half_closed = False
        self._dropped = 0
        self._fault: tuple[bytes, BadHead] | None = None

    @property
    def is_between_requests(self) -> bool:
        """Whether every request was answered, and no part of another has arrived."""
        return not (self._is_under_way or self._held)

    @property
    def is_reading(self) -> bool:
        """Whether the request under way is a GET or HEAD, which changes nothing and may be abandoned."""
        return self._fault is None or self._fault[0].startswith((b"GET ", b"HEAD "))

    def eof_received(self) -> bool:  # type: ignore[override] # asyncio.Protocol's is bool | None; aiohttp narrows it
        """Keep the connection open while a complete request is unanswered (asyncio.Protocol)."""
        if self._is_lingering:
            return False
        # The next complete head may still wait for `_resume`.
        self._take()
        is_whole = self._body is None or self._body.is_eof() if self._body_bytes is None else not self._body_bytes
        self.is_half_closed = self._is_under_way and is_whole and self.ssl_context is None
        return self.is_half_closed

    def data_received(self, data: bytes) -> None:
        if not data:
            super().data_received(data)
            return
        if self._is_dropping:
            self._dropped += len(data)
            return
        rest = self._feed_body(data)
        if rest:
            self._held += rest
            self._take()
            if len(self._held) != self._counted:
                self._count_held()

    def _count_held(self) -> None:
        """Update the total of held bytes. If it is too much, drop what this connection holds."""
        more = len(self._held) - self._counted
        self._counted += more
        if self._context.held.add(more) or more <= 0:
            return
        if self._is_under_way:
            # Requests that were sent ahead are lost: the response to the request under way is the connection's last.
            self._is_dropping = True
            self._held.clear()
        else:
            self._refuse(BadHead(503, "Too many request heads are arriving; retry later"))
        self._count_held()

    def connection_lost(self, exc: BaseException | None) -> None:
        self._held.clear()
        self._count_held()
        super().connection_lost(exc)

    def _take(self) -> None:
        """Give the parser the next request, if its head is complete and no other request is under way."""
        transport = self.transport
        if self._is_under_way or transport is None:
            if transport is not None and len(self._held) > MAX_HEAD_BYTES and transport.is_reading():
                transport.pause_reading()
            return
        if self._held.startswith((b"\r", b"\n")):
            # Empty lines before a request are to be ignored (RFC 9112 section 2.2).
            self._held = self._held.lstrip(b"\r\n")
            self._searched = 0
        try:
            head = take_head(self._held, self._searched) if self._held else None
        except BadHead as fault:
            self._refuse(fault)
            return
        self._searched = len(self._held) if head is None else 0
        if head is not None and head.body_bytes != 0 and not self._context.held.has_room_for_body:
            self._refuse(BadHead(503, "Too many request bodies are arriving; retry later"), head.octets)
        elif head is not None:
            self._is_under_way = True
            self._body_bytes = head.body_bytes
            if head.body_bytes != 0:
                self._begin_body()
            self._fault = head.octets[:SHOWN_BYTES], BadHead(400, "The request is not valid HTTP/1.1")
            self._parse(head.octets)
            self._body = self._messages[-1][1] if self._messages else None
            if self._held:
                rest, self._held = bytes(self._held), bytearray()
                RequestReceiver.data_received(self, rest)

    def _refuse(self, fault: BadHead, head: bytes = b"") -> None:
        """Refuse the request with this head, or the one whose head is not complete."""
        self._is_under_way = self._is_dropping = True
        self._fault = bytes((head or self._held)[:SHOWN_BYTES]), fault
        self._held.clear()
        self._parse(UNPARSABLE)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer a request that the parser refused; the middleware answers errors of handlers."""
        if status != 400 or self._fault is None:
            return super().handle_error(request, status, exc, message)
        self._is_dropping = True
        return self._context.refuse(self, *self._fault)

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        finished = await super().finish_response(request, resp, start_time)
        if not self._is_dropping and finished[0].keep_alive and not request.content.is_eof():
            await drop_body(request.content)
        if self._is_dropping or not request.content.is_eof():
            await self._linger(request.content)
        else:
            self._fault = None
            self._count_unread(0)
            self.release()
        return finished

    def complete_head(self, data: bytes) -> bytes:
        """Take back the beginning of a head that `data` completes, and return the whole head.

        Empty, and nothing is taken back, unless exactly one head is complete then.
        """
        head = bytes(self._held) + data
        if head.find(HEAD_END) != len(head) - len(HEAD_END):
            return b""
        self._held.clear()
        self._searched = 0
        self._count_held()
        return head

    def hold(self) -> None:
        """Hold what arrives until `release`, while a response is sent that aiohttp does not know of."""
        self._is_under_way = True

    def release(self) -> None:
        """The response to the request under way is written: take the requests that arrived meanwhile."""
        self._is_under_way = False
        self._end_body()
        if self._held or self.is_half_closed:
            asyncio.get_running_loop().call_soon(self._resume)

    def requeue(self, head: bytes) -> None:
        """Take a request that was held back, before those that arrived meanwhile."""
        self._held[:0] = head
        self._is_under_way = False
        self._resume()

    def _resume(self) -> None:
        if self.transport is not None and not self.transport.is_reading():
            self.transport.resume_reading()
        self._take()
        self._count_held()
        if self.is_half_closed and not self._is_under_way:
            # The client sends nothing more, and every request was answered.
            self.force_close()

    async def _linger(self, body: StreamReader) -> None:
        """Drop the rest of the body, received or not, then let aiohttp close the connection."""
        self._is_dropping = True
        self._fault = None
        if body.exception() is None:
            body.read_nowait()
        self._count_unread(0)
        self._end_body()
        # A client that has closed its sending side sends nothing more that could be dropped.
        if self.transport is not None and not self.is_half_closed:
            self._is_lingering = True
            await self._context.lingerers.linger(self.transport, lambda: self._dropped)
