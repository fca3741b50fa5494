"""Content codings of pages and JSON (RFC 9110 section 12.5.3).

Media are never encoded, because ranges count the bytes of the file itself.
"""

import re
from collections.abc import Sequence
from typing import Final

from aiohttp import hdrs, web

# A smaller body fits one packet anyway.
SMALLEST_BYTES: Final = 1400
_ITEM: Final = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+)(?:[ \t]*;[ \t]*[qQ]=([01](?:\.[0-9]{0,3})?))?")
_LONGEST_FIELD: Final = 1000


def preferred_encoding(accept_encoding: str, offered: Sequence[str]) -> str | None:
    """The first of the offered codings that the client accepts; None if it accepts none of them (send identity)."""
    if len(accept_encoding) > _LONGEST_FIELD:
        return None
    weights: dict[str, float] = {}
    for item in accept_encoding.split(","):
        if match := _ITEM.fullmatch(item.strip(" \t")):
            weights[match[1].lower()] = float(match[2] or 1)
    return next((coding for coding in offered if weights.get(coding, weights.get("*", 0.0)) > 0), None)


def compress_json(request: web.Request, response: web.StreamResponse) -> None:
    """Let aiohttp compress a large JSON response if the client accepts gzip. One with a strong ETag is not changed."""
    if (
        response.content_type != "application/json"
        or not isinstance(response, web.Response)
        or response.headers.get(hdrs.ETAG, "W/")[:2] != "W/"
        or not isinstance(response.body, bytes)
        or len(response.body) < SMALLEST_BYTES
    ):
        return
    vary = response.headers.get(hdrs.VARY)
    response.headers[hdrs.VARY] = f"{vary}, Accept-Encoding" if vary else "Accept-Encoding"
    if preferred_encoding(request.headers.get(hdrs.ACCEPT_ENCODING, ""), ["gzip"]):
        response.enable_compression(web.ContentCoding.gzip)
