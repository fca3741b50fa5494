"""The S3 servers, one of each per run."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.s3.ceph import running_ceph
from tests.s3.processes import S3Server
from tests.s3.rclone import running_rclone
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
