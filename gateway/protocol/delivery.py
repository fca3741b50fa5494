"""Plans the response of the byte route from the request's fields and the representation (RFC 9110 sections 13 to 15).

Nothing is read or written here. A plan has a status, headers and a body. Whole, single-range and multipart bodies have
the same form: a tuple of segments, each literal bytes or a span of the object. Content-Length is the sum of the segments.

    order: preconditions (412, 304) -> If-Range -> Range (206, 416) -> the whole object (200)

A multipart/byteranges body (section 14.6):

    --boundary CRLF  Content-Type: ... CRLF  Content-Range: bytes a-b/size CRLF CRLF  <bytes> CRLF
    ... more parts ...
    --boundary-- CRLF
"""

from collections.abc import Callable, Iterable
from typing import Final, NamedTuple

from gateway.protocol.conditional import Conditions, Validators, failed_precondition, range_applies
from gateway.protocol.http_date import format_http_date
from gateway.protocol.ranges import ByteSpan, select_spans

Header = tuple[str, str]
Segment = bytes | ByteSpan

# A 412 or 416 depends on the conditions or the range of its request, so no cache may store it. `max-age` comes first
# because Chromium reads it only there.
_NO_STORE: Final = ("Cache-Control", "max-age=0, no-store")


class HeaderBlock(NamedTuple):
    """Headers, and their text in a response head, rendered once for many responses."""

    headers: tuple[Header, ...]
    text: str


def header_block(headers: Iterable[Header]) -> HeaderBlock:
    """These headers, rendered (RFC 9112 section 5)."""
    headers = tuple(headers)
    return HeaderBlock(headers, "".join([f"{name}: {value}\r\n" for name, value in headers]))


class Representation:
    """One version of one object as a client sees it, with the constant parts of its response heads prepared.

    `size` is in bytes, `etag` quoted and strong, `last_modified` in seconds since the epoch; `content_type`,
    `cache_control` and `disposition` are field values, free of control characters. `lasts` says whether it does not
    depend on `now`: a modification time in the future is sent as `now`. Immutable.
    """

    __slots__ = ("_disposition", "bare", "cacheable", "content_type", "lasts", "size", "validators", "with_content")

    def __init__(
        self,
        *,
        size: int,
        etag: str,
        last_modified: float,
        content_type: str,
        cache_control: str,
        disposition: str,
        now: float,
    ) -> None:
        self.size = size
        self.content_type = content_type
        self.lasts = last_modified <= now
        self._disposition = ("Content-Disposition", disposition)
        # Rounded down, and never later than Date (section 8.8.2.1).
        self.validators = Validators(etag, int(min(last_modified, now)))
        self.bare = header_block(
            (
                ("ETag", etag),
                ("Last-Modified", format_http_date(self.validators.last_modified)),
                ("Accept-Ranges", "bytes"),
                ("X-Content-Type-Options", "nosniff"),
            )
        )
        # What 200, 206 and 304 have in common (section 15.4.5).
        self.cacheable = header_block((*self.bare.headers, ("Cache-Control", cache_control)))
        self.with_content = self.block_for(content_type)

    def block_for(self, content_type: str) -> HeaderBlock:
        """The headers of a response that carries content of this type."""
        return header_block((*self.cacheable.headers, self._disposition, ("Content-Type", content_type)))


class DeliveryPlan(NamedTuple):
    """The whole response.

    `fixed` headers are the same for every response of this kind from one version of the object; `varying` ones belong to
    this response. The body has `content_length` bytes in segments (none for HEAD, 304, 412, 416).
    """

    status: int
    fixed: HeaderBlock
    varying: tuple[Header, ...]
    body: tuple[Segment, ...]
    content_length: int

    @property
    def headers(self) -> tuple[Header, ...]:
        """All headers, in order."""
        return (*self.fixed.headers, *self.varying)


def plan_delivery(
    method: str,
    conditions: Conditions,
    representation: Representation,
    *,
    boundary: Callable[[], str],
    now: float,
    max_ranges: int,
) -> DeliveryPlan:
    """Decide a GET or HEAD of the representation at the time `now` (seconds since the epoch).

    `boundary` makes the text that separates parts; `max_ranges` is how many parts a body may have.
    """
    validators = representation.validators
    failed = failed_precondition(conditions, validators, now=now)
    if failed == 412:
        return DeliveryPlan(412, representation.bare, (_NO_STORE, _content_length(0)), (), 0)
    if failed == 304:
        return DeliveryPlan(304, representation.cacheable, (), (), 0)
    # Range is defined for GET alone (section 14.2).
    if (
        method == "GET"
        and conditions.range is not None
        and (conditions.if_range is None or range_applies(conditions.if_range, validators, now=now))
    ):
        spans = select_spans(conditions.range, representation.size, max_ranges)
        if spans is not None:
            return _plan_spans(spans, representation, boundary)
    return _plan_whole(method, representation)


def _plan_whole(method: str, representation: Representation) -> DeliveryPlan:
    size = representation.size
    length = size if method == "GET" else 0
    body = (ByteSpan(0, size),) if length else ()
    return DeliveryPlan(200, representation.with_content, (_content_length(size),), body, length)


def plan_span(span: ByteSpan, representation: Representation) -> DeliveryPlan:
    """The response to a GET of one span inside the representation (section 15.3.7.1)."""
    varying = _span_fields(span.length, span.offset, span.end - 1, representation)
    return DeliveryPlan(206, representation.with_content, varying, (span,), span.length)


def plan_any_span(representation: Representation) -> DeliveryPlan:
    """The same plan without a body, with %d for the length, the first and the last position, in this order."""
    return DeliveryPlan(206, representation.with_content, _span_fields("%d", "%d", "%d", representation), (), 0)


def plan_unsatisfied(representation: Representation) -> DeliveryPlan:
    """The response to a range that selects no bytes of the representation (section 15.5.17)."""
    size = ("Content-Range", f"bytes */{representation.size}")
    return DeliveryPlan(416, representation.bare, (_NO_STORE, size, _content_length(0)), (), 0)


def _span_fields(
    length: int | str, first: int | str, last: int | str, representation: Representation
) -> tuple[Header, ...]:
    return (_content_length(length), ("Content-Range", f"bytes {first}-{last}/{representation.size}"))


def _plan_spans(
    spans: tuple[ByteSpan, ...], representation: Representation, boundary: Callable[[], str]
) -> DeliveryPlan:
    if not spans:
        return plan_unsatisfied(representation)
    if len(spans) == 1:
        return plan_span(spans[0], representation)
    between = boundary()
    body = _multipart(spans, representation, between)
    length = sum(len(segment) if isinstance(segment, bytes) else segment.length for segment in body)
    fixed = representation.block_for(f"multipart/byteranges; boundary={between}")
    return DeliveryPlan(206, fixed, (_content_length(length),), body, length)


def _multipart(spans: tuple[ByteSpan, ...], representation: Representation, boundary: str) -> tuple[Segment, ...]:
    segments: list[Segment] = []
    line_break = ""
    for span in spans:
        segments.append(
            f"{line_break}--{boundary}\r\nContent-Type: {representation.content_type}\r\n"
            f"Content-Range: {_content_range(span, representation.size)}\r\n\r\n".encode("latin-1")
        )
        segments.append(span)
        line_break = "\r\n"
    segments.append(f"\r\n--{boundary}--\r\n".encode("latin-1"))
    return tuple(segments)


def _content_range(span: ByteSpan, size: int) -> str:
    offset, length = span
    return f"bytes {offset}-{offset + length - 1}/{size}"


def _content_length(length: int | str) -> Header:
    return ("Content-Length", str(length))
