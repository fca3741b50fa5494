"""Chooses the system account that runs the embedded PostgreSQL: this process's user, or a separate account for root.

PostgreSQL refuses to run as root.
"""

import os
import pwd
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

NAME: Final = "seekgate"


@dataclass(frozen=True, slots=True)
class Account:
    """A system account that root can run a program as."""

    uid: int
    gid: int

    def may_use(self, tree: Path) -> bool:
        """Whether the account can reach the tree, and read and search all of it (its supplementary groups are dropped)."""
        searched = all(self._has(folder.stat(), os.X_OK) for folder in tree.parents)
        return searched and all(
            self._has(status := path.stat(), os.R_OK | (os.X_OK if stat.S_ISDIR(status.st_mode) else 0))
            for path in (tree, *tree.rglob("*"))
        )

    def _has(self, status: os.stat_result, access: int) -> bool:
        shift = 6 if status.st_uid == self.uid else 3 if status.st_gid == self.gid else 0
        return status.st_mode >> shift & access == access


def choose_account(existing: Path) -> Account | None:
    """The account to run as: None unless this process is root; else the owner of `existing`, or `seekgate`, created if absent.

    Raises OSError, KeyError (an owner without an account) or subprocess.SubprocessError.
    """
    if os.geteuid() != 0:
        return None
    owner = existing.stat().st_uid if existing.exists() else 0
    entry = pwd.getpwuid(owner) if owner else _ensure_account()
    return Account(entry.pw_uid, entry.pw_gid)


def _ensure_account() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(NAME)
    except KeyError:
        # A system account without a home or a shell. If two processes add it, the second one fails and finds it below.
        words = ["useradd", "--system", "--user-group", "--no-create-home", "--shell", "/usr/sbin/nologin", NAME]
        subprocess.run(words, check=False, capture_output=True)  # noqa: S603 - fixed words, no shell
        return pwd.getpwnam(NAME)
