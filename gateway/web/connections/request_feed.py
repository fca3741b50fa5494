"""The part of a connection that gives aiohttp's parser the bytes of one request.

It counts what no handler has read of the body yet, so that all connections together hold a limited number of bytes.
"""

import socket
import sys
from contextlib import suppress
from typing import Final

from aiohttp import StreamReader, web

from gateway.web.connections.connection_context import (
    MANY_BODIES,
    SMALL_BUFFER_BYTES,
    ConnectionContext,
    handler_options,
)

# Linux's socket option (5.15): 0 lets the kernel choose the size of a buffer again that was set.
_SO_BUF_LOCK: Final = 72 if sys.platform == "linux" else None


class RequestFeed(web.RequestHandler):
    """Feeds the parser of one connection."""

    __slots__ = ("_body", "_body_bytes", "_context", "_has_body", "_has_small_buffer", "_is_dropping", "_unread")

    def __init__(self, server: web.Server, context: ConnectionContext) -> None:
        super().__init__(server, **handler_options(context))
        self._context = context
        # The bytes left of the body of the request under way; None if only the parser can find its end (see `_body`).
        self._body_bytes: int | None = 0
        self._body: StreamReader | None = None
        # What was received of the body since its handler last emptied the reader.
        self._unread = 0
        self._has_body = False
        self._has_small_buffer = False
        self._is_dropping = False

    def data_received(self, data: bytes) -> None:
        if not data:
            # aiohttp resumes its parser this way, whenever the body's reader is nearly empty.
            self._count_unread(0)
        super().data_received(data)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._count_unread(0)
        self._end_body()
        super().connection_lost(exc)

    def _begin_body(self) -> None:
        """A request with a body begins."""
        held, self._has_body = self._context.held, True
        held.bodies_under_way += 1
        if held.bodies_under_way > MANY_BODIES:
            self._has_small_buffer = True
            self._set_option(socket.SO_RCVBUF, SMALL_BUFFER_BYTES // 2)  # the kernel doubles it

    def _end_body(self) -> None:
        """The request is answered, or its connection lost."""
        if not self._has_body:
            return
        self._has_body = False
        self._context.held.bodies_under_way -= 1
        if self._has_small_buffer and _SO_BUF_LOCK is not None:
            self._has_small_buffer = False
            self._set_option(_SO_BUF_LOCK, 0)

    def _set_option(self, option: int, value: int) -> None:
        # A transport that is closing may have no socket any more, or one without a descriptor.
        if self.transport is not None and not self.transport.is_closing():
            with suppress(OSError):  # an older kernel
                self.transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, option, value)

    def _count_unread(self, unread: int) -> None:
        self._context.held.add_unread(unread - self._unread)
        self._unread = unread

    def _parse(self, octets: bytes) -> None:
        super().data_received(octets)
        error = getattr(self._messages[-1][0], "exc", None) if self._messages else None
        if isinstance(error, Exception):
            # The frames of the traceback refer to the received bytes, and would hold them until the response is written.
            error.__traceback__ = None

    def _feed_body(self, data: bytes) -> bytes:
        """Give the parser what belongs to the body of the request under way, and return the bytes after it."""
        length = self._body_bytes
        if length is None:
            if self._body is not None and not self._body.is_eof():
                self._count_unread(self._unread + len(data))
                self._feed_chunks(data, self._body)
            return b""
        if length:
            self._body_bytes = length - min(length, len(data))
            self._count_unread(self._unread + len(data) - max(len(data) - length, 0))
            super().data_received(data[:length])
        return data[length:]

    def _feed_chunks(self, data: bytes, body: StreamReader) -> None:
        """Give the parser a part of a chunked body, whose end only the parser can find.

        aiohttp queues the parser's refusal as a request of its own, and leaves a handler waiting for the body.
        """
        queued = len(self._messages)
        self._parse(data)
        if len(self._messages) == queued or body.is_eof():
            return
        self._is_dropping = True
        if queued:
            # The handler has not started yet, so the refusal is the response.
            self._messages.popleft()
        else:
            self._messages.pop()
            body.set_exception(web.RequestPayloadError("the chunks are malformed"))
