"""Response heads as bytes (RFC 9112 section 4).

status-line  Date  fields of the representation  of this response  of all responses  X-Request-Id  [Connection]  CRLF
"""

import time
from functools import lru_cache
from http import HTTPStatus
from typing import Final

from aiohttp import HttpVersion11, web

from gateway.protocol.delivery import DeliveryPlan, HeaderBlock, Representation, plan_any_span, plan_unsatisfied
from gateway.protocol.http_date import format_http_date

_STATUS_LINES: Final = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n" for status in HTTPStatus}


def connection_line(request: web.Request, *, keep_alive: bool) -> str:
    """The line of the Connection field; empty if the connection stays open as HTTP/1.1's do (RFC 9112 section 9.3)."""
    if not keep_alive:
        return "Connection: close\r\n"
    return "" if request.version >= HttpVersion11 else "Connection: keep-alive\r\n"


def render_head(plan: DeliveryPlan, shared: HeaderBlock, request_id: str, connection: str) -> bytes:
    """The response head; `connection` is a `connection_line`."""
    return _compose(plan, shared.text, format_http_date(int(time.time())), request_id, connection)


class FixedHead:
    """The head of one plan, prepared except for the date and the request id."""

    __slots__ = ("_template", "status")

    def __init__(self, plan: DeliveryPlan, shared: HeaderBlock, connection: str) -> None:
        self.status = plan.status
        varying = tuple((name, _literal(value)) for name, value in plan.varying)
        self._template = _template(plan._replace(varying=varying), shared, connection)

    def render(self, request_id: str) -> bytes:
        """The head that `render_head` makes of the plan."""
        return self._template % (_date(int(time.time())), request_id.encode())


class SpanHead:
    """The head for any single span of a representation, prepared except for date, span and request id."""

    __slots__ = ("_connection", "_representation", "_shared", "_template", "status")

    def __init__(self, representation: Representation, shared: HeaderBlock, connection: str) -> None:
        plan = plan_any_span(representation)
        self._representation, self._shared, self._connection = representation, shared, connection
        self.status = plan.status
        self._template = _template(plan, shared, connection)

    def render(self, request_id: str, offset: int, length: int) -> bytes:
        """The head that `render_head` makes of that span's plan."""
        date = _date(int(time.time()))
        return self._template % (date, length, offset, offset + length - 1, request_id.encode())

    def render_unsatisfied(self, request_id: str) -> bytes:
        """The head of the 416 for a range beyond the end."""
        return render_head(plan_unsatisfied(self._representation), self._shared, request_id, self._connection)


def _template(plan: DeliveryPlan, shared: HeaderBlock, connection: str) -> bytes:
    fixed = HeaderBlock((), _literal(plan.fixed.text))
    return _compose(plan._replace(fixed=fixed), _literal(shared.text), "%b", "%b", connection)


def _compose(plan: DeliveryPlan, shared: str, date: str, request_id: str, connection: str) -> bytes:
    varying = "".join([f"{name}: {value}\r\n" for name, value in plan.varying])
    return (
        f"{_STATUS_LINES[plan.status]}Date: {date}\r\n{plan.fixed.text}{varying}{shared}"
        f"X-Request-Id: {request_id}\r\n{connection}\r\n"
    ).encode("latin-1")


def _literal(text: str) -> str:
    """The text with its percent signs doubled, for a template."""
    return text.replace("%", "%%")


@lru_cache(maxsize=4)
def _date(second: int) -> bytes:
    return format_http_date(second).encode()
