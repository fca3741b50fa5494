"""Cuts range and request id out of request heads: heads that differ only in these have the same known part.

    head = known, without the figures of its range and without its id

    GET ... CRLF R|ange: bytes=|0-65535|CRLF ... CRLF X-R|equest-Id: |4f2a|CRLF ... CRLF CRLF

Known parts are compared as bytes. Two heads with the same known part and valid values (`plain_span`, `is_request_id`)
differ only in these two values, because no valid value can contain or complete one of the marks that are searched for.
"""

from typing import Final

from aiohttp import HttpVersion11, hdrs, web

from gateway.web.exchange import X_REQUEST_ID, is_request_id
from gateway.web.receiving.expectations import EXPECTATION

MAX_HEAD_BYTES: Final = 2048

# The field name may begin with R or r: JavaScript clients and HTTP/2 proxies write it in lower case.
_RANGE_MARK: Final = b"ange: bytes="
_BEFORE_RANGE: Final = (b"\r\nR", b"\r\nr")
# X-Request-Id or X-Request-ID: nginx spells the name as its configuration does.
_ID_MARK: Final = b"equest-I"
_SMALL_ID_MARK: Final = b"equest-id: "
_ID_MARK_BYTES: Final = len(_SMALL_ID_MARK)

_READS: Final = frozenset({hdrs.METH_GET, hdrs.METH_HEAD})


def cut_head(head: bytes) -> tuple[bytes, str | None, str | None]:
    """The known part of the head, the figures of its range and its request id; None for one that it does not have."""
    figures = request_id = None
    at = head.find(_RANGE_MARK)
    if at >= 0:
        start = at + len(_RANGE_MARK)
        end = head.find(b"\r\n", start)
        figures = head[start:end].decode("latin-1")
        head = head[:start] + head[end:]
    at = head.find(_ID_MARK)
    if at < 0:
        at = head.find(_SMALL_ID_MARK)
    if at >= 0:
        start = at + _ID_MARK_BYTES
        end = head.find(b"\r\n", start)
        if end >= 0:
            request_id = head[start:end].decode("latin-1")
            head = head[:start] + head[end:]
    return head, figures, request_id


def frame_of(head: bytes) -> tuple[bytes, bytes]:
    """The parts of the head before and after the figures of its range; empty if it has no range, or has a request id."""
    known, figures, request_id = cut_head(head)
    if figures is None or request_id is not None:
        return b"", b""
    end = known.find(_RANGE_MARK) + len(_RANGE_MARK)
    return known[:end], known[end:]


def is_plain(request: web.Request, head: bytes) -> bool:
    """Whether the head is the whole request, cut as aiohttp parsed it, and its answer leaves the connection open."""
    headers = request.headers
    _, figures, request_id = cut_head(head)
    return (
        0 < len(head) <= MAX_HEAD_BYTES
        and request.method in _READS
        and request.version >= HttpVersion11
        and request.keep_alive
        and not request.body_exists
        and EXPECTATION not in headers
        and headers.getall(hdrs.RANGE, []) == ([] if figures is None else [f"bytes={figures}"])
        and (figures is None or head[: head.find(_RANGE_MARK)].endswith(_BEFORE_RANGE))
        and headers.getall(X_REQUEST_ID, []) == ([] if request_id is None else [request_id])
        and (request_id is None or is_request_id(request_id))
    )
