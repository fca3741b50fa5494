"""Reads the postmaster.pid of a cluster, and checks whether the server with that pid still runs.

1 pid · 2 data folder · 3 start time · 4 port · 5 socket folder, from the data folder · 6 address · 7 shared memory · 8 status
"""

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TextIO

from gateway.db.embedded.programs import EmbeddedDatabaseError

LINES: Final = 8
_LONGEST: Final = 65_536


@dataclass(frozen=True, slots=True)
class Postmaster:
    """The contents of the file. `pid` is 0 if a crash truncated the file."""

    file: Path
    pid: int
    socket_folder: Path
    ready: bool

    def is_alive(self) -> bool:
        """Whether a PostgreSQL has this pid; after a reboot another program may have the number."""
        if self.pid <= 0:
            return False
        try:
            status = (Path("/proc") / str(self.pid) / "stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return not Path("/proc/self").exists() and _exists(self.pid)
        # `pid (name) state …`; Z is a zombie, as in a container without init.
        name, _, rest = status.rpartition(")")
        return name.endswith("(postgres") and not rest.startswith(" Z")

    def disown(self) -> None:
        """Let a new server replace the file: write the pid of this process into it, or delete it if it is truncated.

        PostgreSQL refuses to start while any process has the pid. It treats the pid of its own grandparent, this
        process, as stale, and still checks the old server's shared memory, which it would not do if the file were
        deleted. It refuses an empty file as well, and an empty file protects nothing.
        """
        with open_plain(self.file, os.O_RDWR) as file:
            _, newline, rest = file.read().partition("\n")
            if newline:
                file.seek(0)
                file.write(f"{os.getpid()}\n{rest}")
                file.truncate()
        if not newline:
            self.file.unlink()


def open_plain(path: Path, flags: int = os.O_RDONLY) -> TextIO:
    """Open a file in the cluster, which belongs to the server's account: root must follow no link that it placed there.

    Raises FileNotFoundError; EmbeddedDatabaseError for a link, a pipe, and a file that has another name too.
    """
    try:
        descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise EmbeddedDatabaseError(f"{path} cannot be opened: {error.strerror}") from error
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode) or status.st_nlink > 1:
        os.close(descriptor)
        raise EmbeddedDatabaseError(f"{path} should be a file that has no other name; remove it")
    return os.fdopen(descriptor, "r" if flags == os.O_RDONLY else "r+", errors="replace")


def find_postmaster(cluster: Path) -> Postmaster | None:
    """The server that runs or crashed there; None if it was stopped properly."""
    file = cluster / "postmaster.pid"
    try:
        with open_plain(file) as opened:
            lines = opened.read(_LONGEST).splitlines()
    except FileNotFoundError:
        return None
    lines += [""] * (LINES - len(lines))
    pid = int(lines[0]) if lines[0].isdecimal() else 0
    return Postmaster(file, pid, cluster / lines[4], ready=lines[7].strip() == "ready")


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
