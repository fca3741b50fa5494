"""The S3 servers as fixtures, one of each for all rooms, because a server takes seconds to start; and the SDK's files."""

import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.s3.ceph import missing_programs, running_ceph
from tests.s3.processes import S3Server
from tests.s3.rclone import running_rclone
from tests.s3.seaweedfs import running_seaweedfs
from tests.s3.swift import running_swift


@pytest.fixture(scope="session")
def swift(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with running_swift(tmp_path_factory.mktemp("swift")) as server:
        yield server


@pytest.fixture(scope="session")
def ceph(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with (
        tempfile.TemporaryDirectory(prefix="ceph-") as sockets,
        running_ceph(tmp_path_factory.mktemp("ceph"), Path(sockets)) as server,
    ):
        yield server


@pytest.fixture(scope="session")
def rclone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with running_rclone(tmp_path_factory.mktemp("rclone")) as server:
        yield server


@pytest.fixture(scope="session")
def seaweedfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with running_seaweedfs(tmp_path_factory.mktemp("seaweedfs")) as server:
        yield server


@pytest.fixture(scope="session")
def s3_server(request: pytest.FixtureRequest) -> S3Server:
    """The quickest of those that can be had here, for what they all do alike."""
    server: S3Server = request.getfixturevalue("swift" if missing_programs() else "ceph")
    return server


@pytest.fixture(scope="session", autouse=True)
def parsed_once() -> Iterator[None]:
    """Every storage has a session of the SDK's, which finds and parses a megabyte of JSON: here, once for all of them."""
    from botocore import session  # type: ignore[import-untyped]
    from botocore.loaders import create_loader  # type: ignore[import-untyped]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session, "create_loader", cache(create_loader))
        yield
