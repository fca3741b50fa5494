"""One gateway for the whole suite, on real sockets, with the objects that the tables refer to."""

from collections.abc import Iterator
from functools import partial

import pytest

from tests.conformance.ask import Ask, asker
from tests.conformance.media import Media
from tests.conformance.objects import AddMedia, add, look, noise
from tests.conformance.site import SETTINGS
from tests.gateway_process import Gateway, running_gateway


@pytest.fixture(scope="session")
def site(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with running_gateway(postgres, tmp_path_factory.mktemp("conformance"), SETTINGS) as gateway:
        yield gateway


@pytest.fixture
def ask(site: Gateway) -> Ask:
    """Send a row to the gateway and check the response against it."""
    return asker(site)


@pytest.fixture(scope="session")
def add_media(site: Gateway) -> AddMedia:
    return partial(add, site)


@pytest.fixture(scope="session")
def media(add_media: AddMedia) -> Media:
    """The object of most rows: 100 000 bytes."""
    return add_media("media", noise(1, 100_000))


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
def met(site: Gateway) -> Media:
    """A recording of a meeting in which two things were said."""
    content = noise(3, 1000)
    said = ("Good morning.", "And now the news.")
    ids = site.add("met", content, "mp3", meeting=("zoom", "conformance-meeting"), segments=said)
    return look(site, ids, content)
