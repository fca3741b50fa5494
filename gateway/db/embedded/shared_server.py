"""The PostgreSQL that comes with the package, for `database.url: embedded`, shared by all processes of one folder.

The folder has two locks, which the kernel releases if their holder dies. A process holds `gate.lock` exclusively while it
starts, stops or restarts the server. The processes that use the server share `users.lock`; a process that gets it
exclusively at its end was the last one, and stops the server. A server that stops while it is used is started again.
"""

import asyncio
import fcntl
import logging
import os
import subprocess
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from gateway.db.embedded.cluster import Cluster
from gateway.db.embedded.programs import EmbeddedDatabaseError

# The pause between checks whether the server has stopped; each check reads one small file.
WATCH_SECONDS: Final = 0.5

_log: Final = logging.getLogger(__name__)

__all__ = ["EmbeddedDatabaseError", "embedded_postgres"]


@asynccontextmanager
async def embedded_postgres(folder: Path) -> AsyncGenerator[str]:
    """The URL of a PostgreSQL whose data are in `folder`; it runs until the last process that uses it has ended.

    It has no TCP port, only a unix socket that this user and root can reach. Raises EmbeddedDatabaseError.
    """
    use = _Use(folder)
    joining = asyncio.ensure_future(asyncio.to_thread(use.join))
    # A thread cannot be cancelled: `_leave` waits until it has finished.
    tasks: list[asyncio.Future[Any]] = [joining]
    ending = asyncio.Event()
    try:
        url = await asyncio.shield(joining)
        tasks.append(asyncio.create_task(_keep_running(use, ending)))
        yield url
    finally:
        ending.set()
        await asyncio.shield(_leave(use, tasks))


async def _keep_running(use: "_Use", ending: asyncio.Event) -> None:
    """Start the server again whenever it has stopped, until the use ends."""
    while not ending.is_set():
        with suppress(TimeoutError):
            async with asyncio.timeout(WATCH_SECONDS):
                await ending.wait()
        if not ending.is_set():
            try:
                if not use.is_running():
                    await asyncio.to_thread(use.restart)
            except (EmbeddedDatabaseError, OSError) as error:
                _log.error("the embedded PostgreSQL stopped and cannot be started again", extra={"cause": str(error)})


async def _leave(use: "_Use", tasks: list[asyncio.Future[Any]]) -> None:
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.to_thread(use.leave)


class _Use:
    """One use of the server by this process. `join`, `restart` and `leave` block."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._share: int | None = None
        self._cluster: Cluster | None = None

    def join(self) -> str:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._folder = self._folder.resolve()
            with _gate(self._folder):
                self._share = _open_lock(self._folder / "users.lock")
                fcntl.flock(self._share, fcntl.LOCK_SH)
                self._cluster = Cluster(self._folder)
                return _url(self._cluster.ensure_running())
        except (OSError, KeyError, subprocess.SubprocessError) as error:
            raise EmbeddedDatabaseError(f"The embedded PostgreSQL in {self._folder}: {error}") from error

    def is_running(self) -> bool:
        return self._cluster is None or self._cluster.is_running()

    def restart(self) -> None:
        """Start the server if it still does not run; every process that uses it may try."""
        with _gate(self._folder):
            if self._cluster is not None and not self._cluster.is_running():
                _log.warning("the embedded PostgreSQL stopped and is started again")
                self._cluster.ensure_running()

    def leave(self) -> None:
        if self._share is None:
            return
        with _gate(self._folder):
            try:
                if self._cluster is not None and _was_last(self._share):
                    self._cluster.stop()
            finally:
                fcntl.flock(self._share, fcntl.LOCK_UN)  # also if a forked child still has the descriptor
                os.close(self._share)


@contextmanager
def _gate(folder: Path) -> Iterator[None]:
    """Hold the gate: one process at a time starts, restarts or stops the server."""
    gate = _open_lock(folder / "gate.lock")
    try:
        fcntl.flock(gate, fcntl.LOCK_EX)
        yield
    finally:
        os.close(gate)


def _open_lock(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def _was_last(share: int) -> bool:
    try:
        fcntl.flock(share, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _url(socket_folder: Path) -> str:
    # The port is spelled out because PGPORT in the environment would replace a missing one.
    return f"postgresql://postgres@/postgres?host={quote(str(socket_folder), safe='')}&port=5432"
