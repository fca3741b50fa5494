"""Sends a row of a table to the gateway: one connection, the row's request, and a second request after it.

The second request shows that the connection is still in step: an extra or a missing byte in the first response would be read
as part of the head of the second.
"""

from collections.abc import Awaitable, Callable

from tests.conformance.media import Media
from tests.conformance.raw_http import Head, Response, compose, connect
from tests.conformance.table import Row, check
from tests.gateway_process import Gateway

Ask = Callable[[Row, Media], Awaitable[Response]]


def keeps_alive(head: Head) -> bool:
    """Whether the connection persists after this response (RFC 9112 section 9.3)."""
    option = (head.get("Connection") or "").lower()
    return option != "close" if head.minor_version else option == "keep-alive"


async def exchange(site: Gateway, octets: bytes, method: str = "GET") -> Response:
    """Send one request, read its response, and check that the connection is still in step."""
    async with connect(site.host, site.port) as connection:
        await connection.send(octets)
        response = await connection.read_response(method)
        if keeps_alive(response.head):
            await connection.send(compose("GET", "/livez", [("Connection", "close")], host=site.authority))
            following = await connection.read_response()
            assert following.status == 200
        await connection.expect_end()
    return response


def compose_row(site: Gateway, row: Row, media: Media) -> bytes:
    """The row's request, with the owner's key and the object's validators filled in."""
    fields = [("X-API-Key", site.key), *((name, media.fill(value)) for name, value in row.sent)]
    return compose(row.method, media.target, fields, host=site.authority)


def asker(site: Gateway) -> Ask:
    """A function that sends a row to this site, checks the response and returns it."""

    async def ask(row: Row, media: Media) -> Response:
        response = await exchange(site, compose_row(site, row, media), row.method)
        check(row, response, media)
        return response

    return ask
