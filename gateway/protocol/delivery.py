"""The decision of the byte route: request fields and a representation in, the whole answer out.

Knows: which status, which headers, which bytes (RFC 9110 sections 13 to 15). Refuses to know: how anything is
read or written. One plan serves whole, single-range and multipart bodies alike: a body is a tuple of segments,
each literal bytes or a span of the object, and Content-Length is their sum and nothing else.

    order: preconditions (412, 304) -> If-Range -> Range (206, 416) -> the whole (200)

A multipart/byteranges body (section 14.6):

    --boundary CRLF  Content-Type: ... CRLF  Content-Range: bytes a-b/size CRLF CRLF  <bytes> CRLF
    ... more parts ...
    --boundary-- CRLF
"""

from functools import lru_cache
from typing import Final, NamedTuple

from gateway.protocol.conditional import Conditions, Validators, failed_precondition, range_applies
from gateway.protocol.http_date import format_http_date
from gateway.protocol.ranges import ByteSpan, select_spans

Header = tuple[str, str]
Segment = bytes | ByteSpan

# A refusal of bytes says nothing about the next request: no cache may keep it. `max-age` stands first, where
# Chromium looks for it.
_NO_STORE: Final = ("Cache-Control", "max-age=0, no-store")


class Representation(NamedTuple):
    """One version of one object, as a client sees it.

    `size` is in bytes, `etag` quoted and strong, `last_modified` in seconds since the epoch;
    `content_type`, `cache_control` and `disposition` are field values, free of control characters.
    """

    size: int
    etag: str
    last_modified: float
    content_type: str
    cache_control: str
    disposition: str


class DeliveryPlan(NamedTuple):
    """The whole answer.

    `fixed` headers are the same for every answer of their kind from one version of the object (and may be
    rendered once), `varying` ones are this answer's own; the body's segments follow (none for HEAD, 304, 412, 416).
    """

    status: int
    fixed: tuple[Header, ...]
    varying: tuple[Header, ...]
    body: tuple[Segment, ...]

    @property
    def headers(self) -> tuple[Header, ...]:
        """All headers, in order."""
        return (*self.fixed, *self.varying)

    @property
    def content_length(self) -> int:
        """The body's length in bytes."""
        return _length(self.body)


def plan_delivery(
    method: str,
    conditions: Conditions,
    representation: Representation,
    *,
    boundary: str,
    now: float,
    max_ranges: int,
) -> DeliveryPlan:
    """Decide a GET or HEAD of the representation at the time `now` (seconds since the epoch).

    `boundary` separates parts, should there be several; `max_ranges` is how many a body may have.
    """
    # Rounded down, and never later than Date (section 8.8.2.1).
    last_modified = int(min(representation.last_modified, now))
    validators = Validators(representation.etag, last_modified)
    failed = failed_precondition(conditions, validators, now=now)
    if failed == 412:
        return DeliveryPlan(412, _validator_headers(validators), (_NO_STORE, _content_length(0)), ())
    if failed == 304:
        return DeliveryPlan(304, _cache_headers(representation, validators), (), ())
    # Range is defined for GET alone (section 14.2).
    if method == "GET" and conditions.range is not None and range_applies(conditions, validators, now=now):
        spans = select_spans(conditions.range, representation.size, max_ranges)
        if spans is not None:
            return _plan_spans(spans, representation, validators, boundary)
    return _plan_whole(method, representation, validators)


def _plan_whole(method: str, representation: Representation, validators: Validators) -> DeliveryPlan:
    size = representation.size
    fixed = _content_headers(representation, validators, representation.content_type)
    sends_body = method == "GET" and size > 0
    return DeliveryPlan(200, fixed, (_content_length(size),), (ByteSpan(0, size),) if sends_body else ())


def _plan_spans(
    spans: tuple[ByteSpan, ...], representation: Representation, validators: Validators, boundary: str
) -> DeliveryPlan:
    if not spans:
        unsatisfied = ("Content-Range", f"bytes */{representation.size}")
        return DeliveryPlan(416, _validator_headers(validators), (_NO_STORE, unsatisfied, _content_length(0)), ())
    if len(spans) == 1:
        (span,) = spans
        fixed = _content_headers(representation, validators, representation.content_type)
        content_range = ("Content-Range", _content_range(span, representation.size))
        return DeliveryPlan(206, fixed, (_content_length(span.length), content_range), spans)
    body = _multipart(spans, representation, boundary)
    content_type = f"multipart/byteranges; boundary={boundary}"
    fixed = _content_headers.__wrapped__(representation, validators, content_type)
    return DeliveryPlan(206, fixed, (_content_length(_length(body)),), body)


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
    return f"bytes {span.offset}-{span.end - 1}/{size}"


def _content_length(length: int) -> Header:
    return ("Content-Length", str(length))


def _length(body: tuple[Segment, ...]) -> int:
    return sum(len(segment) if isinstance(segment, bytes) else segment.length for segment in body)


def _validator_headers(validators: Validators) -> tuple[Header, ...]:
    return (
        ("ETag", validators.etag),
        ("Last-Modified", format_http_date(validators.last_modified)),
        ("Accept-Ranges", "bytes"),
        ("X-Content-Type-Options", "nosniff"),
    )


def _cache_headers(representation: Representation, validators: Validators) -> tuple[Header, ...]:
    """What 200, 206 and 304 all say (section 15.4.5)."""
    return (*_validator_headers(validators), ("Cache-Control", representation.cache_control))


@lru_cache(maxsize=4096)
def _content_headers(representation: Representation, validators: Validators, content_type: str) -> tuple[Header, ...]:
    """What every answer with content from this version says, prepared once: a seek adds only its lengths."""
    return (
        *_cache_headers(representation, validators),
        ("Content-Disposition", representation.disposition),
        ("Content-Type", content_type),
    )
