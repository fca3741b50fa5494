"""The part of a connection that gives aiohttp's parser the bytes of one request.

It counts what no handler has read of the body yet, so that all connections together hold a limited number of bytes.
"""

from aiohttp import StreamReader, web

from gateway.web.connections.connection_context import ConnectionContext, handler_options


class RequestFeed(web.RequestHandler):
    """Feeds the parser of one connection."""

    __slots__ = ("_body", "_body_bytes", "_context", "_is_dropping", "_unread")

    def __init__(self, server: web.Server, context: ConnectionContext) -> None:
        super().__init__(server, **handler_options(context))
        self._context = context
        # The bytes left of the body of the request under way; None if only the parser can find its end (see `_body`).
        self._body_bytes: int | None = 0
        self._body: StreamReader | None = None
        # What was received of the body since its handler last emptied the reader.
        self._unread = 0
        self._is_dropping = False

    def data_received(self, data: bytes) -> None:
        if not data:
            # aiohttp resumes its parser this way, whenever the body's reader is nearly empty.
            self._count_unread(0)
        super().data_received(data)

    def connection_lost(self, exc: BaseException | None) -> None:
        self._count_unread(0)
        super().connection_lost(exc)

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
