"""Creates, starts and stops a PostgreSQL cluster in a folder, with initdb and pg_ctl.

The caller holds the lock against other processes. All functions block. The programs run in the cluster's own folder and
get no other path to it: pg_ctl passes paths to a shell, inside double quotes that a path could break, and the account
that runs them need not be able to reach the folder by its path.
"""

import os
import shutil
import tempfile
import time
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import Final

from gateway.db.embedded.postmaster import Postmaster, find_postmaster, open_plain
from gateway.db.embedded.programs import EmbeddedDatabaseError, Programs
from gateway.db.embedded.system_account import choose_account

START_TIMEOUT_SECONDS: Final = 120
LOG: Final = "server.log"
LOG_LINES_SHOWN: Final = 15
# sun_path holds 108 bytes with the closing NUL on Linux, 104 on macOS.
SOCKET_PATH_BYTES: Final = 103
SOCKET: Final = ".s.PGSQL.5432"
# The parent of a private folder for the socket if the path is too long; TMPDIR may be too long as well.
SHORT_FOLDER: Final = Path("/tmp")  # noqa: S108 - mkdtemp makes the folder ours alone
SOCKET_FOLDER_PREFIX: Final = "seekgate-"

# PostgreSQL makes a relative path absolute, which another account may not be able to reach; this one stays as it is.
WORKING_FOLDER: Final = "/proc/self/cwd"

# PostgreSQL's builtin C.UTF-8: the order of indexes does not depend on the operating system's library.
INITDB: Final = (
    *("initdb", "--username=postgres", "--auth-local=trust", "--auth-host=reject", "--encoding=UTF8"),
    *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", "--no-instructions"),
    *("--set=timezone=UTC", "--set=log_timezone=UTC", "--set=log_checkpoints=off"),
)
STOP: Final = ("pg_ctl", "stop", "-D", ".", "-m", "fast", "-w", "-t", str(START_TIMEOUT_SECONDS))
START: Final = ("pg_ctl", "start", "-l", LOG, "-w", "-t", str(START_TIMEOUT_SECONDS), "-o")


class Cluster:
    """The cluster below `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._cluster = folder / "cluster"
        self._socket_folder: Path | None = None
        self._account = choose_account(self._cluster)
        self._programs = Programs(self._account)
        self._data = ("-D", "." if self._account is None else WORKING_FOLDER)

    def ensure_running(self) -> Path:
        """Create the cluster and start the server as needed; return the folder of the server's socket."""
        self._ensure_made()
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while time.monotonic() < deadline:
            postmaster = find_postmaster(self._cluster)
            if postmaster is None or not postmaster.is_alive():
                self._start(postmaster)
            elif postmaster.ready:
                self._socket_folder = postmaster.socket_folder
                return self._socket_folder
            else:  # a process was killed while starting or stopping it
                time.sleep(0.05)
        raise EmbeddedDatabaseError(
            f"The embedded PostgreSQL was not ready after {START_TIMEOUT_SECONDS} s\n{self._log_tail()}"
        )

    def is_running(self) -> bool:
        """Whether a server process of this cluster exists, ready or not."""
        postmaster = find_postmaster(self._cluster)
        return postmaster is not None and postmaster.is_alive()

    def stop(self) -> None:
        """Stop the server if it runs: connections are closed, transactions rolled back, all data flushed to disk."""
        postmaster = find_postmaster(self._cluster)
        if postmaster is not None and postmaster.is_alive():
            try:
                self._programs.run(*STOP, cwd=self._cluster)
            except EmbeddedDatabaseError:
                if postmaster.is_alive():  # otherwise it exited in the meantime
                    raise
        if self._socket_folder is not None:
            self._clear_sockets(self._socket_folder)
            if _is_private(self._socket_folder):
                self._socket_folder.rmdir()

    def _ensure_made(self) -> None:
        """Run initdb in a temporary folder and rename it, so that a cluster becomes visible only once it is complete."""
        if (self._cluster / "PG_VERSION").exists():
            return
        for abandoned in self._folder.glob(".new-*"):
            shutil.rmtree(abandoned)
        fresh = self._private_folder(".new-", self._folder)
        try:
            self._programs.run(*INITDB, *self._data, cwd=fresh)
            fresh.rename(self._cluster)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
        _sync_folder(self._folder)

    def _start(self, before: Postmaster | None) -> None:
        if before is not None:
            before.disown()
            self._clear_sockets(before.socket_folder)
            if _is_private(before.socket_folder) and before.socket_folder != self._socket_folder:
                before.socket_folder.rmdir()
        (self._cluster / LOG).unlink(missing_ok=True)
        try:
            self._programs.run(*START, self._options(self._sockets()), *self._data, cwd=self._cluster)
        except EmbeddedDatabaseError as error:
            # The processes of a killed server need a moment to notice.
            if "pre-existing shared memory block" not in self._log_tail():
                raise EmbeddedDatabaseError(f"{error}\n{self._log_tail()}") from None
            time.sleep(0.1)

    def _sockets(self) -> Path:
        """The folder of the socket: the cluster's own, or a private one. A restart reuses it, so that the URL stays valid."""
        if _fits_a_socket(self._cluster):
            return self._cluster
        if self._socket_folder is None or not _is_private(self._socket_folder):
            self._socket_folder = self._private_folder(SOCKET_FOLDER_PREFIX, SHORT_FOLDER)
        return self._socket_folder

    def _options(self, folder: Path) -> str:
        """No TCP port; the socket is in `folder`, whose path has no character that a shell would change."""
        return f"-h '' -k {'.' if folder == self._cluster else folder}"

    def _private_folder(self, prefix: str, parent: Path) -> Path:
        folder = Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
        if self._account is not None:
            os.chown(folder, self._account.uid, self._account.gid)
        return folder

    def _clear_sockets(self, used: Path) -> None:
        """Remove the socket of a dead server: its lock file contains a pid that another program may have now."""
        for folder in (self._cluster, *([used] if _is_private(used) else [])):
            for name in (SOCKET, f"{SOCKET}.lock"):
                (folder / name).unlink(missing_ok=True)

    def _log_tail(self) -> str:
        with suppress(OSError, EmbeddedDatabaseError), open_plain(self._cluster / LOG) as log:
            return "".join(deque(log, LOG_LINES_SHOWN)).rstrip()
        return ""


def _fits_a_socket(folder: Path) -> bool:
    """Whether the path of a socket there is short enough, and a URL can contain it (a comma separates hosts)."""
    text = str(folder)
    return text.isprintable() and "," not in text and len(os.fsencode(folder / SOCKET)) <= SOCKET_PATH_BYTES


def _is_private(folder: Path) -> bool:
    """Whether the folder exists and was created only for the socket."""
    return folder.parent == SHORT_FOLDER and folder.name.startswith(SOCKET_FOLDER_PREFIX) and folder.is_dir()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
