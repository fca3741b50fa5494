"""Splits a request head into its cache key, its range-set (RFC 9110 section 14.1.1) and its request id.

    key = the head without the range-set and without the id

    GET ... CRLF R|ange: bytes=|0-65535|CRLF ... CRLF X-R|equest-Id: |4f2a|CRLF ... CRLF CRLF

Keys are compared as bytes. Two heads with the same key and valid values (`plain_span`, `is_request_id`) differ only in
these two values, because no valid value can contain or complete one of the marks that are searched for.

Proxies, CDNs and tracing libraries add fields whose values differ from request to request (IGNORED_FIELDS). They are
removed first, as whole lines.
"""

import re
from typing import Final

from aiohttp import hdrs, web

from gateway.web.connections.request_heads import MAX_FIELDS
from gateway.web.exchange import X_REQUEST_ID, is_request_id
from gateway.web.receiving.expectations import EXPECTATION

MAX_HEAD_BYTES: Final = 2048
"""A head has at most this many bytes without its IGNORED_FIELDS."""
MAX_RECEIVED_BYTES: Final = 8192
"""A head has at most this many bytes with them: browsers send cookies of several KiB."""

# The field name may begin with R or r: JavaScript clients and HTTP/2 proxies write it in lower case.
_RANGE_MARK: Final = b"ange: bytes="
_BEFORE_RANGE: Final = (b"\r\nR", b"\r\nr")
# X-Request-Id or X-Request-ID: nginx spells the name as its configuration does.
_ID_MARK: Final = b"equest-I"
_BEFORE_ID: Final = (b"\r\nx-r", b"\r\nX-r", b"\r\nX-R")
_SMALL_ID_MARK: Final = b"equest-id: "
_ID_MARK_BYTES: Final = len(_SMALL_ID_MARK)

_READS: Final = frozenset({hdrs.METH_GET, hdrs.METH_HEAD})

IGNORED_FIELDS: Final = (
    # Tracing.
    *("b3", "baggage", "request-id", "sentry-trace", "traceparent", "tracestate", "uber-trace-id", "x-amzn-trace-id"),
    *("x-b3-parentspanid", "x-b3-spanid", "x-b3-traceid", "x-cloud-trace-context", "x-correlation-id"),
    *("x-datadog-parent-id", "x-datadog-trace-id", "x-request-start"),
    # The id that a CDN, a cache or a proxy gives to a request.
    *("cf-ray", "fly-request-id", "x-amz-cf-id", "x-arr-log-id", "x-azure-ref", "x-timer", "x-unique-id"),
    *("x-varnish", "x-vercel-id"),
    # The client of a proxy, and the proxy.
    *("cf-connecting-ip", "cf-ipcountry", "client-ip", "cloudfront-viewer-address", "cookie", "fastly-client-ip"),
    *("fly-client-ip", "forwarded", "true-client-ip", "x-azure-clientip", "x-azure-socketip", "x-client-ip"),
    *("x-envoy-external-address", "x-forwarded-for", "x-forwarded-server", "x-original-forwarded-for", "x-real-ip"),
)
"""Fields that often differ between two requests, and that nothing in this project reads."""

MAX_IGNORED: Final = 8
"""At most this many of them are removed from one head."""

# Whole lines that are not continued by the next one, without any octet that a parser could refuse. The case is ignored
# in names only: comparing values without it takes three times as long.
_IGNORED: Final = re.compile(rb"\r\n(?i:%b):[\t -~]*(?=\r\n[^\t ])" % "|".join(IGNORED_FIELDS).encode())


def without_ignored(head: bytes) -> bytes:
    """The head without its IGNORED_FIELDS (2 to 5 µs), if it is short enough."""
    return _IGNORED.sub(b"", head, MAX_IGNORED) if len(head) <= MAX_RECEIVED_BYTES else head


def split_head(head: bytes) -> tuple[bytes, str | None, str | None]:
    """The key of the head, its range-set and its request id; None for one that it does not have."""
    range_set = request_id = None
    at = head.find(_RANGE_MARK)
    if at >= 0:
        start = at + len(_RANGE_MARK)
        end = head.find(b"\r\n", start)
        range_set = head[start:end].decode("latin-1")
        head = head[:start] + head[end:]
    at = _find_id_mark(head)
    if at >= 0:
        start = at + _ID_MARK_BYTES
        end = head.find(b"\r\n", start)
        if end >= 0:
            request_id = head[start:end].decode("latin-1")
            head = head[:start] + head[end:]
    return head, range_set, request_id


def _find_id_mark(head: bytes) -> int:
    at = head.find(_ID_MARK)
    return at if at >= 0 else head.find(_SMALL_ID_MARK)


def around_range(head: bytes) -> tuple[bytes, bytes]:
    """The parts of the head before and after its range-set; empty if it has no range, or has a request id."""
    key, range_set, request_id = split_head(head)
    if range_set is None or request_id is not None:
        return b"", b""
    end = key.find(_RANGE_MARK) + len(_RANGE_MARK)
    return key[:end], key[end:]


def is_cacheable(request: web.Request, head: bytes) -> bool:
    """Whether this head, without its IGNORED_FIELDS, is the whole request, and is split as aiohttp parsed it."""
    headers = request.headers
    _, range_set, request_id = split_head(head)
    return (
        0 < len(head) <= MAX_HEAD_BYTES
        # A head with as many fields as are removed from others is within the limit too.
        and head.count(b"\n") <= MAX_FIELDS - MAX_IGNORED
        and request.method in _READS
        and head.startswith(request.method.encode())
        and not request.body_exists
        and EXPECTATION not in headers
        and headers.getall(hdrs.RANGE, []) == ([] if range_set is None else [f"bytes={range_set}"])
        and (range_set is None or head[: head.find(_RANGE_MARK)].endswith(_BEFORE_RANGE))
        and headers.getall(X_REQUEST_ID, []) == ([] if request_id is None else [request_id])
        and (request_id is None or (is_request_id(request_id) and head[: _find_id_mark(head)].endswith(_BEFORE_ID)))
    )
