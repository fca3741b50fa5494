"""The Expect field (RFC 9110 section 10.1.1): the client waits for `100 Continue` before it sends its body.

A handler permits the body when it starts to read it, after it has checked everything that the head decides. A handler
that refuses the request, or does not read a body, never permits it.
"""

from typing import Final

from aiohttp import HttpVersion11, hdrs, web
from multidict import istr

from gateway.web.connections.request_heads import HIDDEN_PREFIX

EXPECTATION: Final = istr(f"{HIDDEN_PREFIX.decode()}Expect")
"""The field's name as handlers see it."""

_CONTINUE: Final = "100-continue"


def check_expectation(request: web.Request) -> None:
    """Raise HTTPExpectationFailed for an expectation other than `100-continue`; HTTP/1.0 has none."""
    if EXPECTATION not in request.headers or request.version < HttpVersion11:
        return
    expectations = ",".join(request.headers.getall(EXPECTATION)).split(",")
    if not {each.strip().lower() for each in expectations} <= {_CONTINUE, ""}:
        raise web.HTTPExpectationFailed


def check_coding(request: web.Request) -> None:
    """Raise HTTPUnsupportedMediaType for a body with a content coding: none is undone."""
    if request.headers.get(hdrs.CONTENT_ENCODING, "identity").lower() != "identity":
        raise web.HTTPUnsupportedMediaType(reason="Content-Encoding is not supported")


async def permit_body(request: web.Request) -> None:
    """Send `100 Continue` if the client waits for it and nothing of the body has arrived."""
    if EXPECTATION not in request.headers or request.version < HttpVersion11 or not request.body_exists:
        return
    if request.content.total_bytes or request.content.is_eof():
        return
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    # aiohttp counts these bytes as the beginning of the response.
    request.writer.output_size = 0
