"""The postmaster.pid of a cluster: which server runs there, if it still does.

Knows: the file's lines and what a pid from before a power cut is worth.
Refuses to know: how a server is started or stopped.

    1 pid · 2 data folder · 3 start time · 4 port · 5 socket folder · 6 address · 7 shared memory · 8 status
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

LINES: Final = 8


@dataclass(frozen=True, slots=True)
class Postmaster:
    """What the file says. `pid` is 0 if the file was cut short by a crash."""

    file: Path
    pid: int
    socket_folder: Path
    ready: bool

    def is_alive(self) -> bool:
        """Whether a PostgreSQL has this pid; a number from before a reboot may be anyone's today."""
        if self.pid <= 0:
            return False
        try:
            status = (Path("/proc") / str(self.pid) / "stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            return not Path("/proc/self").exists() and _exists(self.pid)
        # `pid (name) state …`; Z is a dead one that nobody has waited for, as in a container without init.
        name, _, rest = status.rpartition(")")
        return name.endswith("(postgres") and not rest.startswith(" Z")

    def disown(self) -> None:
        """Let a new server take the file over.

        PostgreSQL refuses to start while any process has the pid. It takes the pid of its own
        grandparent, us, for a leftover, and then still checks the old server's shared memory, which
        removing the file would not. An empty file is refused too and guards nothing.
        """
        _, newline, rest = self.file.read_text().partition("\n")
        if newline:
            self.file.write_text(f"{os.getpid()}\n{rest}")
        else:
            self.file.unlink()


def find_postmaster(cluster: Path) -> Postmaster | None:
    """The server that runs there or once did; None if it was stopped properly."""
    file = cluster / "postmaster.pid"
    try:
        lines = file.read_text().splitlines()
    except FileNotFoundError:
        return None
    lines += [""] * (LINES - len(lines))
    pid = int(lines[0]) if lines[0].isdecimal() else 0
    return Postmaster(file, pid, Path(lines[4]), ready=lines[7].strip() == "ready")


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
