"""Debian's PostgreSQL and pgbouncer, each on a port of the kernel's choice, ended by their own means."""

import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import pytest

from tests.ports import reserved_ports

PROGRAMS: Final = sorted(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
POOLER: Final = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
START_SECONDS: Final = 60


def _as_postgres() -> dict[str, Any]:
    """Neither program runs as root."""
    if os.geteuid() != 0:
        return {}
    account = pwd.getpwnam("postgres")
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": ()}


def _run(*words: str | Path, cwd: Path) -> None:
    # Into a file, not a pipe: a server that is started would keep the pipe open.
    with (cwd / "output").open("w+") as output:
        done = subprocess.run(words, cwd=cwd, check=False, stdout=output, stderr=output, **_as_postgres())
        output.seek(0)
        assert done.returncode == 0, output.read()


def make_cluster(folder: Path) -> Path:
    """A new cluster, to copy: initdb costs as much processor time as starting its server several times."""
    words = ["-A", "trust", "-U", "postgres", "-N", "--encoding=UTF8", "--locale=C.UTF-8"]
    with owned_folder() as place:
        _run(PROGRAMS[-1].parent / "initdb", "-D", place / "data", *words, cwd=place)
        subprocess.run(["cp", "-a", place / "data", folder], check=True)
    return folder / "data"


class DebianServer:
    """A cluster in `folder`; its server may be stopped and started again at the same port."""

    def __init__(self, folder: Path, port: int, source: "Path | DebianServer") -> None:
        self._folder = folder
        self._bin = PROGRAMS[-1].parent
        self.port = port
        if isinstance(source, Path):
            subprocess.run(["cp", "-a", source, folder / "data"], check=True)
        else:
            words = ["-h", "127.0.0.1", "-p", str(source.port), "-U", "postgres", "-R", "-N", "-c", "fast"]
            _run(self._bin / "pg_basebackup", "-D", folder / "data", *words, cwd=folder)

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -k {self._folder} -c fsync=off -c max_connections=200"
        self._control("start", "-w", "-t", str(START_SECONDS), "-l", self._folder / "server.log", "-o", options)

    def stop(self, mode: str = "immediate") -> None:
        self._control("stop", "-w", "-m", mode)

    def promote(self) -> None:
        self._control("promote", "-w")

    def _control(self, action: str, *words: str | Path) -> None:
        _run(self._bin / "pg_ctl", action, "-D", self._folder / "data", *words, cwd=self._folder)


@contextmanager
def owned_folder() -> Iterator[Path]:
    """A short path (a socket lives in it), owned by the account that the programs run as."""
    memory = Path("/dev/shm")  # noqa: S108 - the folder made in it is private
    with TemporaryDirectory(prefix="seekgate-", dir=memory if memory.is_dir() else None) as folder:
        if as_postgres := _as_postgres():
            os.chown(folder, as_postgres["user"], as_postgres["group"])
        yield Path(folder)


@contextmanager
def debian_server(source: Path | DebianServer) -> Iterator[DebianServer]:
    """A running server: on a copy of a cluster, or a standby of another server."""
    with owned_folder() as folder, reserved_ports(1) as (port,):
        server = DebianServer(folder, port, source)
        server.start()
        try:
            yield server
        finally:
            if (folder / "data" / "postmaster.pid").exists():
                server.stop()


@contextmanager
def pgbouncer(server: DebianServer) -> Iterator[str]:
    """The URL of the server's database `postgres` through a pgbouncer in transaction mode."""
    if POOLER is None:
        pytest.skip("Debian's pgbouncer is not installed; .ci/run installs it")
    with owned_folder() as folder, reserved_ports(1) as (port,):
        (folder / "pgbouncer.ini").write_text(
            f"""
            [databases]
            * = host=127.0.0.1 port={server.port} user=postgres
            [pgbouncer]
            listen_addr = 127.0.0.1
            listen_port = {port}
            unix_socket_dir =
            auth_type = any
            pool_mode = transaction
            default_pool_size = 3
            server_login_retry = 1
            """
        )
        words = [POOLER, "-q", str(folder / "pgbouncer.ini")]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(words, cwd=folder, stdout=log, stderr=log, **_as_postgres())
        try:
            _wait_for(port, process)
            yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
        finally:
            process.terminate()
            process.wait(START_SECONDS)


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("pgbouncer did not start")
