"""One gateway for all programs, and the objects that they fetch."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from tests.conformance.media import Media
from tests.conformance.objects import AddMedia, add, noise
from tests.gateway_process import Gateway, running_gateway

PATIENCE_SECONDS: Final = 180

Program = Callable[..., subprocess.CompletedProcess[bytes]]


def run(folder: Path, name: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Run an installed program in `folder` to its end, whatever its exit code; skip the test if it is missing."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed; .ci/run installs it")
    return subprocess.run(
        [path, *arguments],
        cwd=folder,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """Run a program in a new folder."""
    return partial(run, tmp_path)


@pytest.fixture(scope="session")
def site(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with running_gateway(postgres, tmp_path_factory.mktemp("clients"), {}) as gateway:
        yield gateway


@pytest.fixture(scope="session")
def add_media(site: Gateway) -> AddMedia:
    return partial(add, site)


@pytest.fixture(scope="session")
def media(add_media: AddMedia) -> Media:
    """Large enough that aria2c splits it into eight."""
    return add_media("media", noise(14, 16 * 1024 * 1024 + 5))


@pytest.fixture(scope="session")
def url(site: Gateway, media: Media) -> str:
    return f"{site.base_url}{media.target}"


@pytest.fixture(scope="session")
def key_field(site: Gateway) -> str:
    """The header field with the key, as programs take it on their command lines."""
    return f"X-API-Key: {site.key}"
