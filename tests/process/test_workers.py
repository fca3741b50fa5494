"""Workers under the supervisor, as real processes: how they die, reload and stop, and how they report metrics together."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, Self

import pytest

from tests.gateway_process import Gateway, running_gateway
from tests.ports import reserved_ports

SOON = 120
PAUSE_SECONDS = 0.01


RIGHT: Final = "server: {workers: 2}"


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The gateway's configuration file."""
    path = tmp_path_factory.mktemp("settings") / "config.yaml"
    path.write_text(RIGHT)
    return path


@pytest.fixture(scope="module")
def site(postgres: str, tmp_path_factory: pytest.TempPathFactory, settings: Path) -> Iterator[Gateway]:
    """A gateway with two workers for the tests that leave it so."""
    with gateway_with_workers(postgres, tmp_path_factory.mktemp("workers"), settings) as opened:
        yield opened


@pytest.fixture
def ending(postgres: str, tmp_path: Path, settings: Path) -> Iterator[Gateway]:
    """One for a test that ends it."""
    with gateway_with_workers(postgres, tmp_path, settings) as opened:
        yield opened


@contextlib.contextmanager
def gateway_with_workers(postgres: str, folder: Path, settings: Path) -> Iterator[Gateway]:
    """A gateway whose workers share a known port, which they need."""
    with reserved_ports(1) as (port,):
        environ = {"SEEKGATE_CONFIG": str(settings), "SEEKGATE_SERVER__PORT": str(port)}
        with running_gateway(postgres, folder, environ) as opened:
            yield opened


def workers(site: Gateway) -> set[int]:
    """The worker processes that live now."""
    children = Path(f"/proc/{site.pid}/task/{site.pid}/children").read_text(encoding="ascii").split()
    return {int(pid) for pid in children if "spawn_main" in command(pid)}


def command(pid: int | str) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def eventually(what: Callable[[], bool], site: Gateway) -> None:
    """Wait for it, a bounded time."""
    clock = threading.Event()
    for _ in range(SOON * 20):
        if what():
            return
        clock.wait(0.05)
    pytest.fail(f"did not happen in {SOON} s:\n{site.log_text()[-2000:]}")


def ask(site: Gateway, path: str = "/livez") -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(site.host, site.port, timeout=60)
    with contextlib.closing(connection):
        connection.request("GET", path, headers={"X-API-Key": site.key, "Connection": "close"})
        response = connection.getresponse()
        return response.status, response.read()


class Load:
    """Four clients that each request the same bytes a hundred times a second until stopped; what went wrong is kept."""

    def __init__(self, site: Gateway, path: str, content: bytes) -> None:
        self._site, self._path, self._content = site, path, content
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run) for _ in range(4)]
        self.responses = 0
        self.refused: list[str] = []
        self.wrong: list[str] = []

    def _run(self) -> None:
        while not self._stop.wait(PAUSE_SECONDS):
            try:
                status, body = ask(self._site, self._path)
            except (OSError, http.client.HTTPException) as error:
                self.refused.append(repr(error))
                continue
            self.responses += 1
            if status != 200 or body != self._content:
                self.wrong.append(f"{status}, {len(body)} bytes")

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()


def heard(site: Gateway, message: str, since: int) -> None:
    """Wait until the gateway has said so, after its first `since` events."""
    eventually(lambda: any(f'"message":"{message}"' in event for event in site.process.events[since:]), site)


def loaded(site: Gateway) -> Load:
    content = os.urandom(300_000)
    recording_id, media_file_id = site.add("load", content, "mp3")
    return Load(site, f"/recordings/{recording_id}/media/{media_file_id}/raw", content)


def test_a_reload_replaces_every_worker_and_refuses_no_connection(site: Gateway) -> None:
    before, since = workers(site), len(site.process.events)
    assert len(before) == 2
    with loaded(site) as load:
        site.process.signal(signal.SIGHUP)
        heard(site, "reloaded", since)
    eventually(lambda: len(workers(site) - before) == 2 and workers(site).isdisjoint(before), site)
    assert load.responses > 0
    assert (load.refused, load.wrong) == ([], [])


def test_a_killed_worker_is_replaced_and_no_byte_is_wrong(site: Gateway) -> None:
    before, since = workers(site), len(site.process.events)
    with loaded(site) as load:
        os.kill(min(before), signal.SIGKILL)
        heard(site, "a worker died", since)
        eventually(lambda: len(workers(site)) == 2 and workers(site) != before, site)
    assert load.wrong == [], "what was being sent may be cut, never be wrong"
    assert ask(site)[0] == 200


def test_one_scrape_reports_all_workers(site: Gateway) -> None:
    for _ in range(40):
        ask(site, "/readyz")  # which no other test asks
    # Workers write their counts within a twentieth of a second.
    eventually(lambda: counted(site, "/readyz") == [40.0], site)


def test_a_count_never_goes_back_whichever_worker_is_scraped(site: Gateway) -> None:
    with contextlib.ExitStack() as stack:
        connections = [http.client.HTTPConnection(site.host, site.port, timeout=60) for _ in range(16)]
        for each in connections:
            stack.enter_context(contextlib.closing(each))

        def everywhere(path: str) -> list[bytes]:
            bodies = []
            for each in connections:
                each.request("GET", path)
                bodies.append(each.getresponse().read())
            return bodies

        everywhere("/livez")
        counts = [sum(counted_in(text, "/livez")) for text in everywhere("/metrics")]
    assert counts == sorted(counts)


def test_the_gauges_of_killed_workers_vanish_and_what_they_counted_stays(site: Gateway) -> None:
    for _ in range(40):
        ask(site, "/openapi.json")  # which no other test asks
    eventually(lambda: counted(site, "/openapi.json") == [40.0], site)
    recording_id, media_file_id = site.add("long", bytes(32 * 2**20), "mp3")
    head = (
        f"GET /recordings/{recording_id}/media/{media_file_id}/raw HTTP/1.1\r\nHost: x\r\nX-API-Key: {site.key}\r\n\r\n"
    )
    before = workers(site)
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(socket.create_connection((site.host, site.port))) for _ in range(8)]
        for client in clients:
            client.send(head.encode())
        eventually(lambda: gauge(site, "seekgate_streams_running") == 8, site)
        for pid in before:
            os.kill(pid, signal.SIGKILL)
        eventually(lambda: len(workers(site) - before) == 2, site)
    eventually(lambda: gauge(site, "seekgate_streams_running") == 0, site)
    assert counted(site, "/openapi.json") == [40.0]


def gauge(site: Gateway, name: str) -> float | None:
    """Its value; None while no worker answers."""
    with contextlib.suppress(OSError, http.client.HTTPException):
        _, text = ask(site, "/metrics")
        return sum(float(line.rpartition(" ")[2]) for line in text.decode().splitlines() if line.startswith(name))
    return None


def counted(site: Gateway, route: str) -> list[float]:
    _, text = ask(site, "/metrics")
    return counted_in(text, route)


def counted_in(text: bytes, route: str) -> list[float]:
    lines = [line for line in text.decode().splitlines() if f'route="{route}"' in line and "requests_total" in line]
    return [float(line.rpartition(" ")[2]) for line in lines]


def test_stopping_workers_answer_connections_that_still_come(postgres: str, tmp_path: Path, settings: Path) -> None:
    with (
        reserved_ports(1) as (port,),
        running_gateway(
            postgres,
            tmp_path,
            {
                "SEEKGATE_CONFIG": str(settings),
                "SEEKGATE_SERVER__PORT": str(port),
                "SEEKGATE_SERVER__DRAIN_TIMEOUT_SECONDS": "110",
            },
        ) as site,
        contextlib.ExitStack() as stack,
    ):
        recording_id, media_file_id = site.add("held", bytes(32 * 2**20), "mp3")
        head = f"GET /recordings/{recording_id}/media/{media_file_id}/raw HTTP/1.1\r\nHost: x\r\nX-API-Key: {site.key}\r\n\r\n"
        for _ in range(24):  # each worker holds some of them
            client = stack.enter_context(socket.create_connection((site.host, site.port)))
            client.send(head.encode())
            assert client.recv(12) == b"HTTP/1.1 200"
        site.process.signal(signal.SIGTERM)
        eventually(lambda: [ask(site, "/readyz")[0] for _ in range(10)] == [503] * 10, site)
        since = len(site.process.events)
        site.process.signal(signal.SIGHUP)
        heard(site, "SIGHUP is ignored: the gateway is stopping", since)


def test_workers_do_not_outlive_a_killed_supervisor(ending: Gateway) -> None:
    everyone = workers(ending)
    ending.process.signal(signal.SIGKILL)
    eventually(lambda: not any(command(pid) for pid in everyone), ending)


def test_a_reload_with_wrong_settings_keeps_the_old_workers(site: Gateway, settings: Path) -> None:
    before, since = workers(site), len(site.process.events)
    settings.write_text("server: {workers: 2, keepalive_timeout_seconds: -1}")
    site.process.signal(signal.SIGHUP)
    heard(site, "the reload failed, the old settings stay", since)
    settings.write_text(RIGHT)
    assert workers(site) == before
    assert ask(site)[0] == 200


def test_a_worker_loads_no_module_from_the_folder_where_the_gateway_was_started(tmp_path: Path) -> None:
    for name in ("multiprocessing", "gateway", "pickle"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'loaded')!r}, 'a').write(__name__)")
    script = tmp_path / "scripts" / "start.py"
    script.parent.mkdir()
    script.write_text(
        "from gateway.process import worker_process\n"
        "if __name__ == '__main__':\n"
        "    process = worker_process._processes.Process(target=print, args=('worked',))\n"
        "    process.start()\n"
        "    process.join()\n"
    )
    done = subprocess.run([sys.executable, str(script)], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "worked\n"
    assert not (tmp_path / "loaded").exists()


def test_sigterm_ends_every_process(site: Gateway) -> None:
    """The last test, because it ends the gateway of the others."""
    everyone = workers(site)
    assert len(everyone) == 2
    assert site.process.stop() == 0
    assert [pid for pid in everyone if command(pid)] == []
