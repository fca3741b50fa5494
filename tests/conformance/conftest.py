"""One gateway for the whole suite, on real sockets, and the objects that the tables speak of."""

import http.client
import random
from collections.abc import Callable
from typing import Final

import pytest

from tests.conformance.ask import Ask, asker
from tests.conformance.media import Media
from tests.conformance.site import Site

AddMedia = Callable[[str, bytes], Media]

# 2024-03-05 06:07:08.9 UTC: the fraction must be rounded down, never up.
MODIFIED_AT: Final = 1_709_618_828.9


def look(site: Site, ids: tuple[int, int], content: bytes) -> Media:
    """The object with the validators that a HEAD of it tells (by the standard library's client)."""
    connection = http.client.HTTPConnection(site.host, site.port, timeout=20)
    try:
        connection.request("HEAD", f"/recordings/{ids[0]}/media/{ids[1]}/raw", headers={"X-API-Key": site.key})
        head = connection.getresponse()
    finally:
        connection.close()
    assert head.status == 200, head.status
    return Media(*ids, content, head.headers["Content-Type"], head.headers["ETag"], head.headers["Last-Modified"])


def noise(seed: int, size: int) -> bytes:
    """Bytes in which no two places look alike."""
    return random.Random(seed).randbytes(size)


@pytest.fixture
def ask(site: Site) -> Ask:
    """Put a row to the gateway and hold the answer against it."""
    return asker(site)


@pytest.fixture(scope="session")
def add_media(site: Site) -> AddMedia:
    """Register bytes under a name of their own."""
    return lambda name, content: look(site, site.add(name, content, "mp3", modified_at=MODIFIED_AT), content)


@pytest.fixture(scope="session")
def media(site: Site, add_media: AddMedia) -> Media:
    """The object of most rows: 100 000 bytes."""
    added = add_media("media", noise(1, 100_000))
    assert added.last_modified == "Tue, 05 Mar 2024 06:07:08 GMT"
    return added


@pytest.fixture(scope="session")
def empty(add_media: AddMedia) -> Media:
    return add_media("empty", b"")


@pytest.fixture(scope="session")
def one_byte(add_media: AddMedia) -> Media:
    return add_media("one-byte", b"\x2a")


@pytest.fixture(scope="session")
def large(add_media: AddMedia) -> Media:
    """More than the kernel's buffers of one connection hold."""
    return add_media("large", noise(2, 16 * 1024 * 1024))


@pytest.fixture(scope="session")
def met(site: Site) -> Media:
    """A recording of a meeting in which two things were said."""
    content = noise(3, 1000)
    said = ("Good morning.", "And now the news.")
    ids = site.add("met", content, "mp3", meeting=("zoom", "conformance-meeting"), segments=said)
    return look(site, ids, content)
