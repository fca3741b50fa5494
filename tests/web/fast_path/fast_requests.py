"""The requests of the fast path's tests, and the part of a response that they compare."""

from typing import Final

from tests.conformance.raw_http import Connection, Fields, Response, compose
from tests.web.byte_route_site import Site

FIRST: Final = "bytes=0-99"
# Different for each response.
OWN: Final = frozenset({"date", "x-request-id"})


def head(site: Site, asked: str | None, *fields: tuple[str, str], name: str = "Range", method: str = "GET") -> bytes:
    """A request head with the site's key; without a range for None."""
    ranged: Fields = [] if asked is None else [(name, asked)]
    return compose(method, site.target, [("X-API-Key", site.key), *ranged, *fields])


async def ask(client: Connection, octets: bytes, method: str = "GET") -> Response:
    await client.send(octets)
    return await client.read_response(method)


def lasting(response: Response) -> tuple[int, list[tuple[str, str]], bytes]:
    """What two responses to the same request have in common."""
    return response.status, [pair for pair in response.head.fields if pair[0].lower() not in OWN], response.body


def comparable(response: Response) -> object:
    """What two responses to the same request have in common, but for the text that separates parts."""
    boundary = response.head.all("Content-Type")[:1]
    same = lasting(response)
    if not boundary or not boundary[0].startswith("multipart"):
        return same
    return repr(same).replace(boundary[0].partition("boundary=")[2], "boundary")
