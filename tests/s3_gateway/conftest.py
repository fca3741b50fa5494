"""The gateway of the conformance suite over S3: once for each server, with the suite's own objects in it."""

from collections.abc import Iterator
from functools import partial

import pytest

from tests.conformance.conftest import ask, empty, large, media, met, one_byte
from tests.conformance.objects import AddMedia
from tests.conformance.site import SETTINGS
from tests.gateway_process import Gateway
from tests.s3.processes import S3Server
from tests.s3_gateway.place import add_settled, gateway_over

__all__ = ["ask", "empty", "large", "media", "met", "one_byte"]


@pytest.fixture(scope="session")
def add_media(site: Gateway) -> AddMedia:
    return partial(add_settled, site)


@pytest.fixture(scope="session", params=["swift", "ceph", "rclone"])
def site(request: pytest.FixtureRequest, postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    server: S3Server = request.getfixturevalue(request.param)
    with gateway_over(server, postgres, tmp_path_factory.mktemp("s3-conformance"), SETTINGS) as gateway:
        yield gateway
