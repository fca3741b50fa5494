"""The gateway raises the limit on open files as far as it may, for itself and its workers."""

import re
import resource
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gateway_process import running_gateway

LOW = 512


@pytest.fixture
def low_limit() -> Iterator[int]:
    """This process's own limit, which the gateway inherits, is low; the hard one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (LOW, hard))
    yield hard
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.skipif(sys.platform != "linux", reason="cannot run here: limits are read from Linux's /proc")
def test_the_gateway_may_open_more_files_than_it_was_started_with(
    postgres: str, tmp_path: Path, low_limit: int
) -> None:
    with running_gateway(postgres, tmp_path, fresh=True) as gateway:
        found = re.search(r"^Max open files +([0-9]+)", Path(f"/proc/{gateway.pid}/limits").read_text(), re.MULTILINE)
    assert found is not None
    assert int(found[1]) == min(low_limit, 65_536) > LOW
