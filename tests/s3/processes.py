"""Servers as processes: started on ports the kernel chose, waited for, killed by their PID."""

import os
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

TOP: Final = Path(__file__).resolve().parents[2]
SERVERS_BIN: Final = TOP / ".venv-servers" / "bin"

START_SECONDS: Final = 120
POLL_SECONDS: Final = 0.02


@dataclass(frozen=True, slots=True)
class S3Server:
    """A server's address and credentials; `name` is for messages."""

    name: str
    endpoint_url: str
    access_key_id: str
    secret_access_key: str

    @property
    def port(self) -> int:
        return int(self.endpoint_url.rpartition(":")[2])


def server_program(name: str) -> Path:
    """A program of `.venv-servers`; skips the test if it is not installed."""
    program = SERVERS_BIN / name
    if not program.exists():
        pytest.skip(f"{name} is not installed: make .venv-servers from tests/s3/requirements-servers.lock")
    return program


@contextmanager
def running(
    command: Sequence[str | os.PathLike[str]], log: Path, environ: Mapping[str, str] | None = None
) -> Iterator[None]:
    """The program, until the block ends; its output is written to the log."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env={**os.environ, **(environ or {})}
        )
    try:
        yield
        assert process.poll() is None, f"{command[0]} ended: {log.read_text()}"
    finally:
        # Nobody needs what they stored, and SeaweedFS takes more than ten seconds to end in good order.
        process.kill()
        process.wait()


def wait_until(holds: Callable[[], bool], what: str) -> None:
    """Return when it holds; fail if it takes too long."""
    deadline = time.monotonic() + START_SECONDS
    while not holds():
        assert time.monotonic() < deadline, f"{what} did not come up in {START_SECONDS} s"
        time.sleep(POLL_SECONDS)


def answers(url: str) -> bool:
    """Whether an HTTP server answers there, whatever it says."""
    try:
        with urlopen(url, timeout=5):  # noqa: S310 - an address of our own making
            return True
    except HTTPError:
        return True
    except OSError:
        return False
