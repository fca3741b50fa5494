"""Server processes: started on chosen cores by taskset, awaited until they are ready, and stopped by PID."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

START_SECONDS: Final = 60
STOP_SECONDS: Final = 20
HOST: Final = "127.0.0.1"


class NotStarted(Exception):
    """A program did not become ready; the message has the end of its output."""


def choose_cores() -> tuple[int, ...]:
    """Two of the cores that this process may use, or the only one: servers run on the first, load on the last."""
    return tuple(sorted(os.sched_getaffinity(0))[:2])


def free_port() -> int:
    """A port that is free now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(
    command: Sequence[str],
    environ: Mapping[str, str],
    *,
    cores: Sequence[int],
    log: Path,
    is_ready: Callable[[], bool],
) -> Iterator[int]:
    """Start a program, and yield its PID once `is_ready` returns true. Its output is appended to `log`.

    Raises NotStarted.
    """
    pinned = ["taskset", "--cpu-list", ",".join(map(str, cores)), *command]
    with log.open("ab") as output:  # appending: the file may be truncated while the program writes
        process = subprocess.Popen(pinned, env=dict(environ), stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        _await(process, is_ready, log)
        yield process.pid  # taskset replaces itself with the program, so the PID is the program's
    finally:
        _end(process)


def listens(port: int) -> bool:
    """Whether a server accepts connections on this port."""
    try:
        socket.create_connection((HOST, port), timeout=1).close()
    except OSError:
        return False
    return True


def _await(process: subprocess.Popen[bytes], is_ready: Callable[[], bool], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if is_ready():
            return
        time.sleep(0.05)
    raise NotStarted(
        f"{process.args!r} ended or was not ready in {START_SECONDS} s:\n{log.read_text(errors='replace')[-2000:]}"
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(STOP_SECONDS)
