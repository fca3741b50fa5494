"""A new gateway for each module, so that a leak in one is not hidden by another."""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from tests.conformance.media import Media
from tests.conformance.objects import AddMedia, add, noise
from tests.gateway_process import Gateway, running_gateway

LARGE_BYTES: Final = 32 * 1024 * 1024

Start = Callable[[Mapping[str, str]], Gateway]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if sys.platform != "linux" and item.path.is_relative_to(here):
            item.add_marker(
                pytest.mark.skip(reason="cannot run here: descriptors and memory are read from Linux's /proc")
            )


@pytest.fixture(scope="module")
def start(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Start]:
    """Start another gateway, with these settings; all end with the module."""
    with ExitStack() as stack:
        yield lambda settings: stack.enter_context(
            running_gateway(postgres, tmp_path_factory.mktemp("endurance"), settings)
        )


@pytest.fixture(scope="module")
def site(start: Start) -> Gateway:
    return start({})


@pytest.fixture(scope="module")
def add_media(site: Gateway) -> AddMedia:
    return partial(add, site)


@pytest.fixture(scope="module")
def large(add_media: AddMedia) -> Media:
    """Far more than the kernel's buffers of one connection hold."""
    return add_media("large", noise(4, LARGE_BYTES))
