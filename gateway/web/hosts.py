"""The authority that a request was sent to (RFC 9112 section 3.2), validated before anything uses it."""

import re
from functools import lru_cache
from ipaddress import AddressValueError, IPv6Address
from typing import Final
from urllib.parse import urlsplit

from aiohttp import HttpVersion11, hdrs, web

# uri-host [ ":" port ] of RFC 3986 section 3.2.2, without an empty host, which no http URL may have.
_REGISTERED_NAME: Final = r"(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2}){1,255}"
_AUTHORITY: Final = re.compile(rf"(?:\[([0-9A-Fa-f:.]{{2,45}})\]|{_REGISTERED_NAME})(?::([0-9]{{0,5}}))?")
_MAX_PORT: Final = 65_535


def check_host(request: web.Request) -> None:
    """Raise HTTPBadRequest unless the request has the one valid Host that its version demands."""
    hosts = request.headers.getall(hdrs.HOST, [])
    if len(hosts) > 1 or (not hosts and request.version >= HttpVersion11):
        raise web.HTTPBadRequest(reason="A request has exactly one Host field")
    if hosts and not is_authority(hosts[0]):
        raise web.HTTPBadRequest(reason="The Host field is not a valid authority (host or host:port)")
    target = request.raw_path
    if not target.startswith("/") and target != "*" and not is_authority(_authority_of(target)):
        raise web.HTTPBadRequest(reason="The request target is not a path, or has no valid authority")


def base_url(request: web.Request, public_url: str | None) -> str:
    """The beginning of the gateway's URLs: `public_url`, else the scheme and authority of the request.

    An absolute request target replaces the Host field (RFC 9112 section 3.2.2). Both were validated by `check_host`.
    """
    if public_url is not None:
        return public_url
    target = request.raw_path
    authority = request.host if target.startswith("/") else _authority_of(target)
    return f"{request.scheme}://{authority}"


@lru_cache(maxsize=256)
def is_authority(text: str) -> bool:
    """Whether the text is a host, or a host and a port."""
    match = _AUTHORITY.fullmatch(text)
    if match is None:
        return False
    address, port = match.groups()
    if address is not None:
        try:
            IPv6Address(address)
        except AddressValueError:
            return False
    return int(port or 0) <= _MAX_PORT


def _authority_of(target: str) -> str:
    try:
        parts = urlsplit(target)
    except ValueError:
        return ""
    return parts.netloc if parts.scheme in {"http", "https"} else ""
