"""Chooses the system account that runs the embedded PostgreSQL: this process's user, or a separate account for root.

PostgreSQL refuses to run as root.
"""

import logging
import os
import pwd
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

NAME: Final = "seekgate"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Account:
    """A system account that root can run a program as."""

    uid: int
    gid: int

    def may_search(self, folder: os.stat_result) -> bool:
        """Whether the account can pass through the folder (its own supplementary groups are dropped)."""
        if folder.st_uid == self.uid:
            return bool(folder.st_mode & stat.S_IXUSR)
        return bool(folder.st_mode & (stat.S_IXGRP if folder.st_gid == self.gid else stat.S_IXOTH))


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


def allow_search(folder: Path, account: Account) -> None:
    """Let the account pass through the folder and its parents: search permission only, never read."""
    for place in (*reversed(folder.parents), folder):
        status = place.stat()
        if not account.may_search(status):
            place.chmod(stat.S_IMODE(status.st_mode) | stat.S_IXOTH)
            _log.warning("Search permission (o+x) added to %s for the database's account", place)


def allow_reading(tree: Path) -> None:
    """Let every account read and run the published programs, which a strict umask may have prevented."""
    for place in (tree, *tree.rglob("*")):
        mode = stat.S_IMODE(place.stat().st_mode)
        wanted = mode | stat.S_IROTH | (stat.S_IXOTH if mode & stat.S_IXUSR else 0)
        if mode != wanted:
            place.chmod(wanted)
