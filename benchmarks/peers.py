"""The servers that are compared, each started the way its documentation recommends.

Knows: commands, configuration files, and which addresses of each are loaded. Refuses to know: loads and numbers.

No peer checks a key, looks anything up or writes a log; the gateway does all of it, and serves each request by key
or by signed URL.
"""

import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from benchmarks.corpus import NAME
from benchmarks.machine import PEER_PYTHON
from benchmarks.processes import free_port, listens, running
from benchmarks.seekgate import Installation, running_gateway
from benchmarks.target import Target

SERVERS: Final = Path(__file__).parent / "servers"


@dataclass(frozen=True, slots=True)
class Site:
    """Where servers find what they need: a folder with `media/` in it, the gateway's installation, and their cores."""

    folder: Path
    installation: Installation
    cores: Sequence[int]

    def on_cores(self, cores: Sequence[int]) -> "Site":
        """The same, with servers on other cores."""
        return replace(self, cores=cores)

    @property
    def corpus(self) -> Path:
        return self.folder / "media" / NAME


@contextmanager
def running_servers(site: Site, *, workers: int = 1) -> Iterator[list[Target]]:
    """Every server that can run here, with so many workers each; they wait idle while another is loaded."""
    with ExitStack() as stack:
        yield [target for start in available() for target in stack.enter_context(start(site, workers))]


Starter = Callable[[Site, int], AbstractContextManager[list[Target]]]


def available() -> list[Starter]:
    """The servers that are installed; see `missing` for the others."""
    return [start for start, present in _presence() if present]


def missing() -> list[str]:
    """What this run does without, and how to have it next time."""
    told: dict[Starter, str] = {
        nginx: "nginx (apt install nginx)",
        starlette: "Starlette on uvicorn (make bench installs .venv-bench)",
    }
    return [told[start] for start, present in _presence() if not present]


def _presence() -> list[tuple[Starter, bool]]:
    return [
        (nginx, shutil.which("nginx") is not None),
        (aiohttp, True),
        (starlette, PEER_PYTHON.exists()),
        (seekgate, True),
    ]


@contextmanager
def seekgate(site: Site, workers: int) -> Iterator[list[Target]]:
    """The gateway, by key and by signed URL."""
    with running_gateway(site.installation, workers=workers, cores=site.cores) as gateway:
        yield [gateway.by_key(), gateway.by_signed_url()]


@contextmanager
def nginx(site: Site, workers: int) -> Iterator[list[Target]]:
    """The kernel sends; as tuned in servers/nginx.conf."""
    port = free_port()
    path = site.folder / f"nginx-{workers}.conf"
    user = "user root;" if os.geteuid() == 0 else ""  # the folder is the user's own
    words = {"FOLDER": str(site.folder), "PORT": str(port), "WORKERS": str(workers), "USER": user}
    text = (SERVERS / "nginx.conf").read_text()
    for word, value in words.items():
        text = text.replace(word, value)
    path.write_text(text)
    with _serving(site, "nginx", ["nginx", "-c", str(path)], port) as target:
        yield [target]


@contextmanager
def aiohttp(site: Site, workers: int) -> Iterator[list[Target]]:
    """The FileResponse of aiohttp."""
    port = free_port()
    command = [sys.executable, str(SERVERS / "aiohttp_file.py"), str(site.corpus), str(port), str(workers)]
    with _serving(site, "aiohttp FileResponse", command, port) as target:
        yield [target]


@contextmanager
def starlette(site: Site, workers: int) -> Iterator[list[Target]]:
    """Starlette's FileResponse on uvicorn with uvloop and httptools."""
    port = free_port()
    command = [str(PEER_PYTHON), "-m", "uvicorn", "--app-dir", str(SERVERS), "--port", str(port)]
    command += ["--workers", str(workers), "--no-access-log", "--log-level", "warning", "starlette_file:app"]
    with _serving(site, "Starlette FileResponse", command, port) as target:
        yield [target]


@contextmanager
def _serving(site: Site, name: str, command: list[str], port: int) -> Iterator[Target]:
    log = site.folder / f"{port}.log"
    environ = {**os.environ, "BENCHMARK_FILE": str(site.corpus)}
    with running(command, environ, cores=site.cores, log=log, is_ready=lambda: listens(port)) as pid:
        yield Target(name, pid, port, f"/{NAME}", log)
