"""The PostgreSQL that comes with the package, for `database.url: embedded`.

Knows: that several processes share one server, and who of them starts and stops it.
Refuses to know: how (see `gateway.db.embedded.cluster`), and what the database holds.

Two locks in the folder, both dropped by the kernel if their holder dies. `gate.lock`: exclusive, held
while a process comes or goes. `users.lock`: shared, held while a process uses the server. Who gets it
exclusively on leaving was the last, and stops the server. One that was killed leaves the server
running; the next one finds it and, as the last, stops it.
"""

import asyncio
import fcntl
import os
import subprocess
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from urllib.parse import quote

from gateway.db.embedded.cluster import Cluster
from gateway.db.embedded.programs import EmbeddedDatabaseError

__all__ = ["EmbeddedDatabaseError", "embedded_postgres"]


@asynccontextmanager
async def embedded_postgres(folder: Path) -> AsyncGenerator[str]:
    """The URL of a PostgreSQL whose data live in `folder`, running until the last of its users leaves.

    No TCP: a unix socket that only this user (and root) reaches. Raises EmbeddedDatabaseError.
    """
    use = _Use(folder)
    joining = asyncio.ensure_future(asyncio.to_thread(use.join))
    try:
        # A thread cannot be cancelled: what it joined after our cancellation is left in `_leave`.
        yield await asyncio.shield(joining)
    finally:
        await asyncio.shield(_leave(use, joining))


async def _leave(use: "_Use", joining: asyncio.Future[str]) -> None:
    await asyncio.gather(joining, return_exceptions=True)
    await asyncio.to_thread(use.leave)


class _Use:
    """One use of the server by this process. Both methods block."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._share: int | None = None
        self._cluster: Cluster | None = None

    def join(self) -> str:
        try:
            # Others may pass through, to nothing: the locks are ours, the cluster is its account's.
            self._folder.mkdir(mode=0o711, parents=True, exist_ok=True)
            self._folder = self._folder.resolve()
            with _gate(self._folder):
                self._share = _open_lock(self._folder / "users.lock")
                fcntl.flock(self._share, fcntl.LOCK_SH)
                self._cluster = Cluster(self._folder)
                return _url(self._cluster.ensure_running())
        except (OSError, KeyError, subprocess.SubprocessError) as error:
            raise EmbeddedDatabaseError(f"The embedded PostgreSQL in {self._folder}: {error}") from error

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
    """One process at a time comes or goes."""
    gate = _open_lock(folder / "gate.lock")
    try:
        fcntl.flock(gate, fcntl.LOCK_EX)
        yield
    finally:
        os.close(gate)


def _open_lock(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _was_last(share: int) -> bool:
    try:
        fcntl.flock(share, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _url(socket_folder: Path) -> str:
    # The port is spelled out because PGPORT in the environment would replace a missing one.
    return f"postgresql://postgres@/postgres?host={quote(str(socket_folder), safe='')}&port=5432"
