"""Adds objects to a running gateway, and looks them up as its clients do."""

import http.client
import random
from collections.abc import Callable
from typing import Final

from tests.conformance.media import Media
from tests.gateway_process import Gateway

AddMedia = Callable[[str, bytes], Media]

# 2024-03-05 06:07:08.9 UTC: the fraction must be rounded down, never up.
MODIFIED_AT: Final = 1_709_618_828.9


def add(site: Gateway, name: str, content: bytes) -> Media:
    """Register bytes under this name, last modified at MODIFIED_AT."""
    return look(site, site.add(name, content, "mp3", modified_at=MODIFIED_AT), content)


def look(site: Gateway, ids: tuple[int, int], content: bytes) -> Media:
    """The object with the validators from a HEAD of it (by the standard library's client)."""
    connection = http.client.HTTPConnection(site.host, site.port, timeout=60)
    try:
        connection.request("HEAD", f"/recordings/{ids[0]}/media/{ids[1]}/raw", headers={"X-API-Key": site.key})
        head = connection.getresponse()
    finally:
        connection.close()
    assert head.status == 200, head.status
    return Media(*ids, content, head.headers["Content-Type"], head.headers["ETag"], head.headers["Last-Modified"])


def noise(seed: int, size: int) -> bytes:
    """Pseudo-random bytes, in which no two stretches are equal."""
    return random.Random(seed).randbytes(size)
