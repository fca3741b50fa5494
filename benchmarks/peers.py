"""The servers that are compared, each started as its documentation recommends.

No peer checks a key, looks anything up or writes a log. The gateway does all of that, and is loaded twice: with a key and
by signed URL.
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
    """What servers need: a folder with the corpus in `media/`, the gateway's installation, and cores to run on."""

    folder: Path
    installation: Installation
    cores: Sequence[int]

    def on_cores(self, cores: Sequence[int]) -> "Site":
        """The same site with its servers on other cores."""
        return replace(self, cores=cores)

    @property
    def corpus(self) -> Path:
        return self.folder / "media" / NAME


@contextmanager
def running_servers(site: Site, *, workers: int = 1) -> Iterator[list[Target]]:
    """Every server that is installed, with this many workers each; the others are idle while one is loaded."""
    with ExitStack() as stack:
        yield [target for start in available() for target in stack.enter_context(start(site, workers))]


Starter = Callable[[Site, int], AbstractContextManager[list[Target]]]


def available() -> list[Starter]:
    """The servers that are installed; `missing` names the others."""
    return [start for start, present in _presence() if present]


def missing() -> list[str]:
    """The servers that are not installed, and how to install them."""
    names: dict[Starter, str] = {
        nginx: "nginx (apt install nginx)",
        starlette: "Starlette on uvicorn (make bench installs .venv-bench)",
    }
    return [names[start] for start, present in _presence() if not present]


def _presence() -> list[tuple[Starter, bool]]:
    return [
        (nginx, shutil.which("nginx") is not None),
        (aiohttp, True),
        (starlette, PEER_PYTHON.exists()),
        (seekgate, True),
    ]


@contextmanager
def seekgate(site: Site, workers: int) -> Iterator[list[Target]]:
    """The gateway, loaded with a key and by signed URL."""
    with running_gateway(site.installation, workers=workers, cores=site.cores) as gateway:
        yield [gateway.by_key(), gateway.by_signed_url()]


@contextmanager
def nginx(site: Site, workers: int) -> Iterator[list[Target]]:
    """An nginx with sendfile, tuned as in servers/nginx.conf."""
    port = free_port()
    path = site.folder / f"nginx-{workers}.conf"
    user = "user root;" if os.geteuid() == 0 else ""  # the workers must be able to read this user's folder
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
