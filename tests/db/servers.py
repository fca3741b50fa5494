"""Embedded servers from outside: whether they run, which processes use them, and how to kill them."""

import asyncio
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import asyncpg

from gateway.db.embedded.postmaster import find_postmaster

PATIENCE_SECONDS: Final = 60
# Uses the server until its standard input ends.
USER: Final = """
import asyncio, sys
from pathlib import Path
from gateway.db.embedded.shared_server import embedded_postgres

async def main():
    async with embedded_postgres(Path(sys.argv[1])) as url:
        print(url, flush=True)
        await asyncio.to_thread(sys.stdin.read)

asyncio.run(main())
"""


@contextmanager
def another_user(folder: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Another process that uses the server, and the URL that it was given."""
    with subprocess.Popen(
        [sys.executable, "-c", USER, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield process, process.stdout.readline().strip()
        process.stdin.close()


def server_of(folder: Path) -> int | None:
    """The pid of the folder's living server."""
    postmaster = find_postmaster(folder / "cluster")
    return postmaster.pid if postmaster is not None and postmaster.is_alive() else None


async def ask(url: str, statement: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def kill_server(folder: Path) -> None:
    """SIGKILL, as a power cut would. The server has ended afterwards: the kernel needs a moment on a busy machine."""
    pid = server_of(folder)
    assert pid is not None
    process = os.pidfd_open(pid)
    try:
        os.kill(pid, signal.SIGKILL)
        ended, _, _ = await asyncio.to_thread(select.select, [process], [], [], PATIENCE_SECONDS)
        assert ended
    finally:
        os.close(process)
