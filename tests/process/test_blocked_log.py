"""A gateway whose log nobody reads: it answers, keeps its processor time, and ends."""

import http.client
import json
import os
import signal
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.forked_process import ForkedProcess
from tests.gateway_process import STOP_SECONDS, gateway_environ


@pytest.mark.parametrize("is_blocking", [True, False], ids=["blocking", "non-blocking"])
def test_a_log_on_an_unread_pipe_neither_blocks_nor_spins(
    database_url: str, tmp_path: Path, *, is_blocking: bool
) -> None:
    unread, stdout = os.pipe()
    os.set_blocking(stdout, is_blocking)
    read, stderr = os.pipe()
    environ = gateway_environ(database_url, tmp_path, {})
    gateway = ForkedProcess(["serve"], environ, tmp_path, stdout=stdout, stderr=stderr)
    os.close(stdout)
    os.close(stderr)
    with os.fdopen(read, "rb") as events:
        reader = threading.Thread(target=events.read)
        try:
            address = urlsplit(next(json.loads(line)["url"] for line in events if b'"listening"' in line))
            reader.start()
            check_it(gateway, address.hostname or "", address.port)
        finally:
            gateway.send_signal(signal.SIGTERM)
            assert gateway.wait(STOP_SECONDS) == 0
            os.close(unread)
        reader.join()


def check_it(gateway: ForkedProcess, host: str, port: int | None) -> None:
    connection = http.client.HTTPConnection(host, port, timeout=60)
    for _ in range(1000):  # their lines are more than a pipe holds
        connection.request("GET", "/livez")
        assert connection.getresponse().read()
    before = processor_seconds(gateway.pid)
    time.sleep(1)
    assert processor_seconds(gateway.pid) - before < 0.5
    connection.request("GET", "/livez")
    assert connection.getresponse().status == 200
    connection.close()


def processor_seconds(pid: int) -> float:
    """What a process has used of its processors so far."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(") ")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
