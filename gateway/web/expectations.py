"""The Expect field (RFC 9110 section 10.1.1): whether the client may send its body.

Knows: `100-continue`. Refuses to know: what the body is for. A route that reads its body at once permits it
before its handler runs; a route that wants a look at the head first permits it by itself, or refuses.
"""

from aiohttp import HttpVersion11, hdrs, web


async def permit_body(request: web.Request) -> None:
    """Answer the field; aiohttp's own handler fails on octets that are no text."""
    if hdrs.EXPECT not in request.headers or request.version < HttpVersion11:
        return
    if request.headers[hdrs.EXPECT].lower() != "100-continue":
        raise web.HTTPExpectationFailed
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    # Nothing of the answer itself was sent yet.
    request.writer.output_size = 0


async def leave_to_handler(_request: web.Request) -> None:
    """Say nothing yet."""
