"""Composes the response to a head that is like an earlier one: its response head, and the first piece of its body."""

from typing import Final

from gateway.protocol.pacing import SendingPace
from gateway.protocol.ranges import is_beyond, plain_span
from gateway.web.bytes.heads import FixedHead, SpanHead
from gateway.web.bytes.paced import initial_grant
from gateway.web.bytes.started_response import StartedResponse
from gateway.web.exchange import Exchange
from gateway.web.fast_path.fast_connection import FastConnection
from gateway.web.fast_path.response_template import ResponseTemplate
from storage_adapters.base import FilePiece, OpenObject
from storage_adapters.page_cache import is_resident

SHORT_BYTES: Final = 2 * 1024 * 1024
"""A body of up to this size is expected to be read to its end, and so is a range that ends before the object does."""
WANTED_BYTES: Final = 4 * 1024 * 1024
"""At most this much of such a body is sent immediately, and may wait unsent in the kernel."""
FIRST_BYTES: Final = 1024 * 1024
"""At most this much of any other body is sent immediately: many players read a little of it and seek away."""
SMALL_BYTES: Final = 64 * 1024
"""A body of up to this size is always sent immediately, a longer one only while the loop's turn has bytes left."""


def requested_span(template: ResponseTemplate, range_set: str | None) -> tuple[int, int] | None:
    """Offset and length of the body in the object; no bytes for a 416, and None if aiohttp has to judge the range."""
    if range_set is not None:
        span = plain_span(range_set, template.stat.size)
        if span is None and template.stored is not None and is_beyond(range_set, template.stat.size):
            span = 0, 0
        if span is None or not isinstance(template.head, FixedHead):
            return span
    return 0, template.length


def compose_response(
    connection: FastConnection,
    template: ResponseTemplate,
    range_set: str | None,
    span: tuple[int, int],
    request_id: str,
    *,
    started: float,
) -> StartedResponse | None:
    """The response with that span as its body; None if its first bytes are in a file, but not open or not in memory."""
    offset, length = span
    is_wanted_whole = length <= SHORT_BYTES or offset + length < template.stat.size
    piece = None
    if template.stored is not None and length:
        most = min(length, WANTED_BYTES if is_wanted_whole else FIRST_BYTES)
        piece = _first_piece(template.stored, template.pace, offset, most)
        if piece is None:
            return None
    head, status = _render_head(template.head, request_id, offset, length)
    first = template.exchange
    exchange = Exchange(
        request_id,
        first.route,
        first.method,
        first.path,
        connection.remote,
        None if range_set is None else f"bytes={range_set}",
        started,
        first.principal,
        None,
        first.storage,
        status,
        length,
        by_key=first.by_key,
        key_id=first.key_id,
    )
    stat, pace = template.stat, template.pace
    return StartedResponse(
        exchange, template.admission, stat, head, offset, piece, pace, is_wanted_whole, template.keep_alive
    )


def _render_head(prepared: FixedHead | SpanHead, request_id: str, offset: int, length: int) -> tuple[bytes, int]:
    """The response's head, and its status."""
    if isinstance(prepared, FixedHead):
        return prepared.render(request_id), prepared.status
    if length:
        return prepared.render(request_id, offset, length), prepared.status
    return prepared.render_unsatisfied(request_id), 416


def _first_piece(stored: OpenObject, pace: SendingPace | None, offset: int, length: int) -> FilePiece | None:
    """The first of these bytes as a file piece; None unless they are in an open file and in memory."""
    if pace is not None:
        length = initial_grant(pace, offset, length)
    piece = stored.find_piece(offset, length)
    if piece is None and length > SMALL_BYTES:
        # The span may go on in another cached slice. A stream can send the rest from there.
        piece = stored.find_piece(offset, SMALL_BYTES)
    return piece if piece is not None and is_resident(*piece) else None
