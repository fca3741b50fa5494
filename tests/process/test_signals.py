"""A signal that a lone worker ignores, and what the process of a new worker must not load."""

import signal
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

from gateway.process.worker_process import Worker
from tests.gateway_process import running_gateway
from tests.process.test_workers import ask, eventually


def test_sighup_to_a_lone_worker_ends_nothing(postgres: str, tmp_path: Path) -> None:
    with running_gateway(postgres, tmp_path) as site:
        for _ in range(3):
            site.process.signal(signal.SIGHUP)
        eventually(lambda: any("SIGHUP is ignored" in event for event in site.process.events), site)
        assert ask(site)[0] == 200


def serve_nothing(_config: Any, _sockets: Any, supervisor: Connection) -> None:
    supervisor.send(None)


async def test_a_new_worker_loads_no_module_of_the_folder_that_the_gateway_was_started_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("multiprocessing", "encodings", "socket", "asyncio"):
        (tmp_path / f"{name}.py").write_text(
            f"open({str(tmp_path / 'loaded')!r}, 'a').write({name!r})\nraise SystemExit(1)\n"
        )
    monkeypatch.chdir(tmp_path)
    nothing: Any = None
    worker = Worker(serve_nothing, nothing, nothing)
    await worker.ready()
    assert await worker.ended() == 0
    assert not (tmp_path / "loaded").exists()
